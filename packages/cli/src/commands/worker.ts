import { newCommand, parsePositive } from '../command.js';
import { done } from '../outcome.js';
import { loadServer, readEnvironment } from '../server-command.js';
import { runSession, writeError } from '../session.js';

export function workerCommand() {
  return newCommand('worker', 'do the work of the queue of a server that uses PostgreSQL', [
    'DATABASE_URL=postgresql://resplice@database.example.org/resplice resplice worker',
  ])
    .option('--poll <seconds>', 'how often to look for work', parsePositive, 2)
    .action((options) =>
      runSession(options, async ({ signal }) => {
        const { startWorker } = await loadServer();
        const worker = await startWorker({
          ...readEnvironment(),
          pollSeconds: options.poll,
          log: writeError,
        });
        writeError('resplice works on the queue\n');
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        await worker.close();
        return done({}, ['stopped']);
      }),
    );
}
