import { availableParallelism } from 'node:os';
import { collect, newCommand, parsePositive } from '../command.js';
import { FACTORY_OPTIONS, type FactoryChoice, startFactoryWorker } from '../factory-command.js';
import { done } from '../outcome.js';
import {
  loadFromCheckout,
  loadServer,
  readEnvironment,
  SERVER_FOLDER,
  untilAborted,
} from '../server-command.js';
import { runSession, writeError } from '../session.js';

export function workerCommand() {
  return newCommand('worker', 'do the work of the queue of a server that uses PostgreSQL', [
    'DATABASE_URL=postgresql://resplice@database.example.org/resplice resplice worker',
    'DATABASE_URL=… RESPLICE_ARTEFACTS=s3://… resplice worker --factory --site ./site --passphrase-file FILE',
  ])
    .option('--poll <seconds>', 'how often to look for work', parsePositive, 2)
    .option(...FACTORY_OPTIONS.factory)
    .option(...FACTORY_OPTIONS.slots, parsePositive)
    .option(...FACTORY_OPTIONS.site)
    .option(...FACTORY_OPTIONS.keys, collect)
    .option(...FACTORY_OPTIONS.passphrase)
    .option(
      '--data <folder>',
      "the server's folder, shared with this machine, when artefacts are in no object store",
      SERVER_FOLDER,
    )
    .action((options) =>
      runSession(options, async ({ signal }) => {
        const { startWorker } = await loadServer();
        const environment = readEnvironment();
        const worker = await startWorker({ ...environment, pollSeconds: options.poll, log: writeError });
        writeError('resplice works on the queue\n');
        const factory = options.factory === true ? await openFactory(environment, options) : undefined;
        await untilAborted(signal);
        await factory?.close();
        await worker.close();
        return done({}, ['stopped']);
      }),
    );
}

/** With a database connection for each job, and some for leases and logs. */
async function openFactory(
  { databaseUrl: url, artefacts }: ReturnType<typeof readEnvironment>,
  { data: folder, ...choice }: FactoryChoice & { readonly data: string },
) {
  const { openArtefactStore, openDatabase } = await loadFromCheckout(
    () => import('@resplice/server/factory'),
  );
  const connections = 4 + (choice.jobs ?? availableParallelism());
  const database = await openDatabase({ url, folder, connections });
  const store = openArtefactStore({ folder, artefacts });
  const factory = await startFactoryWorker({ orm: database.orm, artefacts: store }, choice);
  return {
    async close() {
      await factory.close();
      await database.close();
    },
  };
}
