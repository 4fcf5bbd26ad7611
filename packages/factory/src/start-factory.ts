// A worker of the factory: takes jobs, as many at a time as it was told, until it is closed. Any number of them share a database and an
// artefact store; none knows of the others.

import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { identifyProgram, openWorkshop, type Workshop } from '@resplice/build';
import { FactoryJobKind } from '@resplice/protocol/factory';
import { VERSION } from '@resplice/report';
import {
  type ArtefactStore,
  addDueWatches,
  announceWorker,
  claimJob,
  dismissWorker,
  failJob,
  LEASE_SECONDS,
  listLost,
  type Orm,
  seeWorker,
} from '@resplice/server/factory';
import type { JobHandlers } from './job-context.js';
import { ProcessorMeter } from './processor-meter.js';
import type { Publisher } from './publisher.js';
import { runJob, type Surroundings } from './run-job.js';
import { HANDLERS } from './work/handlers.js';

export interface FactoryOptions {
  readonly orm: Orm;
  readonly artefacts: ArtefactStore;
  /** The command in one file, for guests. */
  readonly bundle: string;
  /** Jobs at a time. */
  readonly slots: number;
  readonly publisher?: Publisher | undefined;
  /** Takes one line of JSON. */
  readonly log: (line: string) => void;
  readonly pollMs?: number;
  /** How long a worker may be silent before others take its jobs. */
  readonly leaseSeconds?: number;
  /** Other work, for tests. */
  readonly handlers?: JobHandlers;
}

const POLL_MS = 1000;
const SEEN_MS = 15_000;
const KERNELS_KEPT = 2;

/** `close` ends the jobs at hand and gives them back. */
export async function startFactory(
  options: FactoryOptions,
): Promise<{ readonly name: string; close(): Promise<void> }> {
  const {
    orm,
    artefacts,
    bundle,
    slots,
    publisher,
    handlers = HANDLERS,
    leaseSeconds = LEASE_SECONDS,
  } = options;
  const name = `${hostname()}:${process.pid}`;
  const kinds = FactoryJobKind.options.filter((kind) => kind !== 'publish' || publisher !== undefined);
  await announceWorker(orm, { name, kinds, processors: slots, version: VERSION });
  const ending = new AbortController();
  const around: Surroundings = {
    ...{ orm, artefacts, bundle, publisher, name, leaseSeconds },
    who: `worker ${name}`,
    program: await identifyProgram(),
    openWorkshop: keepWorkshops(),
    meter: new ProcessorMeter(),
  };
  const note = (message: string, error: unknown) => {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    options.log(`${JSON.stringify({ level: 'error', message, error: reason })}\n`);
  };
  const work = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const job = await claimJob(orm, name, kinds, leaseSeconds).catch((error: unknown) => {
        note('no job can be taken', error);
        return undefined;
      });
      if (job !== undefined) await runJob(job, handlers, around, ending.signal);
      else await wait(options.pollMs ?? POLL_MS, undefined, { signal: ending.signal }).catch(() => {});
    }
  };
  const look = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await lookAround(orm, name, handlers).catch((error: unknown) =>
        note('the queue cannot be looked at', error),
      );
      await wait(SEEN_MS, undefined, { signal: ending.signal }).catch(() => {});
    }
  };
  const running = [look(), ...Array.from({ length: slots }, work)];
  return {
    name,
    async close() {
      ending.abort(new Error('the worker goes home'));
      await Promise.all(running);
      // Without it others see a worker that has fallen silent, which is nearly true.
      await dismissWorker(orm, name).catch((error: unknown) =>
        note('the worker cannot be signed off', error),
      );
    },
  };
}

/** What any worker does for all: says that it lives, has watches looked at, and ends jobs whose workers all died. */
async function lookAround(orm: Orm, name: string, handlers: JobHandlers): Promise<void> {
  await seeWorker(orm, name);
  await addDueWatches(orm);
  for (const job of await listLost(orm)) {
    const problem = 'each worker that took it fell silent; see the logs of the workers, then try again';
    const giveUp = (transaction: Orm) =>
      handlers[job.kind].giveUp(transaction, job, problem, `worker ${name}`);
    await failJob(orm, job, { problem, isFinal: true }, giveUp);
  }
}

/** A workshop takes seconds to open and much memory, and jobs of one kernel come together. */
function keepWorkshops(): (kernel: string) => Promise<Workshop> {
  const open = new Map<string, Promise<Workshop>>();
  return (kernel) => {
    const known = open.get(kernel);
    const workshop = known ?? openWorkshop({ kernel }, {});
    open.delete(kernel);
    open.set(kernel, workshop);
    // One that cannot be had today may be tomorrow.
    workshop.catch(() => open.delete(kernel));
    const [oldest] = open.keys();
    if (open.size > KERNELS_KEPT && oldest !== undefined) open.delete(oldest);
    return workshop;
  };
}
