// A running server: database, queue, repository and HTTP, started in the order in which they need each other and stopped in the
// opposite one. Whatever was acknowledged is on the disk by then; stopping is polite and not necessary.

import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { EnvironmentError } from '@resplice/report';
import { type ControlSocket, openControlSocket } from './admin/control-socket.js';
import { makeFirstAdministrator } from './admin/operation.js';
import { openArtefactStore } from './artefact/open-store.js';
import { openDatabase } from './database/open-database.js';
import { type App, buildApp } from './http/app.js';
import { makeJobHandlers } from './job/handlers.js';
import { openJobQueue } from './job/job-queue.js';
import { Notifier } from './job/notifier.js';
import { LiveHub } from './live/live-hub.js';
import { followUp, recordBatch, speakAgainstUpdates } from './machine/answer-check-ins.js';
import { CheckInQueue } from './machine/check-in-queue.js';
import { PatchLevelIndex } from './machine/patch-level.js';
import { Metrics } from './metrics.js';
import { RolloutAlarm } from './rollout/alarm.js';
import type { ServerOptions, Service } from './service.js';
import { CatalogueCache } from './update/catalogue.js';
import { RepositoryWatch } from './update/repository-watch.js';

const CLOSE_PATIENCE_MS = 5000;

export interface RunningServer {
  readonly service: Service;
  readonly app: App;
  /** `http://127.0.0.1:8440` */
  readonly address: string;
  /** Made on the first start, and shown once. */
  readonly firstAdministrator: { readonly name: string; readonly password: string } | undefined;
  close(): Promise<void>;
}

/** Throws EnvironmentError when the database, the folder or the address cannot be had. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const service = await openService(options);
  let control: ControlSocket | undefined;
  try {
    control = await openControlSocket(service);
    await service.live.start();
    await service.repository.start();
    if (options.worker) await startWorking(service);
    const { database, artefacts } = service;
    const { passwordCost } = options;
    const firstAdministrator = await makeFirstAdministrator({ database, artefacts, passwordCost });
    const app = await buildApp(service);
    const address = await listen(app, options);
    return {
      service,
      app,
      address,
      firstAdministrator,
      close: async () => {
        await closeConnections(app);
        await control?.close();
        await closeService(service);
      },
    };
  } catch (error) {
    await control?.close();
    await closeService(service);
    throw error;
  }
}

export async function openService(options: ServerOptions): Promise<Service> {
  const artefacts = openArtefactStore(options);
  const database = await openDatabase({ url: options.databaseUrl, folder: options.folder });
  const note = (message: string) => (error: unknown) =>
    options.log(`${JSON.stringify({ level: 'error', message, error: describe(error) })}\n`);
  try {
    const jobs = await openJobQueue(database, note('the queue failed'));
    const { orm } = database;
    const levels = new PatchLevelIndex();
    const metrics = new Metrics();
    const notifier = new Notifier(orm, jobs, note('a notification failed'));
    const alarm = new RolloutAlarm(jobs, note('roll-outs are not looked at'));
    const now = (): Date => new Date();
    const checkIns = new CheckInQueue(async (arrivals) => {
      const results = await recordBatch(orm, levels, arrivals, now());
      followUp(results, metrics, notifier);
      if (speakAgainstUpdates(results)) alarm.ring();
      return results;
    });
    const memory = join(options.folder, 'trust');
    const repository = new RepositoryWatch(orm, options.repository, memory, ({ added, gone }) => {
      void notifier.notify(
        'all',
        'update.published',
        added.map((path) => ({ path })),
      );
      void notifier.notify(
        'all',
        'update.gone',
        gone.map((path) => ({ path })),
      );
    });
    const catalogue = new CatalogueCache();
    const live = new LiveHub(database);
    return {
      options,
      database,
      levels,
      catalogue,
      checkIns,
      repository,
      jobs,
      notifier,
      alarm,
      live,
      artefacts,
      metrics,
      now,
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

export async function startWorking({ jobs, database, options, notifier, now }: Service): Promise<void> {
  await jobs.work(makeJobHandlers({ database, mail: options.mail, notifier, now }));
  // A history that begins now and not at the next quarter of an hour.
  await jobs.send('sample', {});
}

export async function closeService(service: Service): Promise<void> {
  await service.checkIns.settle();
  await service.alarm.stop();
  await service.repository.stop();
  await service.live.close();
  await service.jobs.close();
  await service.database.close();
}

/** Answers what was asked. Browsers also hold connections that never asked anything, for which node would wait a minute. */
async function closeConnections(app: App): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_PATIENCE_MS);
  await app.close();
  clearTimeout(timer);
}

async function listen(app: App, { host, port }: ServerOptions): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${host}:${port}: cannot be listened on: ${reason}; name another address with --listen`;
    throw new EnvironmentError('address-not-available', message, { cause });
  }
  const { address, family, port: bound } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
