// A process that only does the queue's work. Any number of them, on any number of machines, share one PostgreSQL.

import { UsageError } from '@resplice/report';
import { openDatabase } from './database/open-database.js';
import { makeJobHandlers } from './job/handlers.js';
import { openJobQueue } from './job/job-queue.js';
import type { MailSettings } from './job/mail.js';

export interface WorkerOptions {
  readonly databaseUrl: string | undefined;
  readonly mail?: MailSettings | undefined;
  readonly pollSeconds?: number;
  readonly log: (line: string) => void;
}

/** Throws UsageError `no-shared-database`. `close` waits for the jobs at hand. */
export async function startWorker(options: WorkerOptions): Promise<{ close(): Promise<void> }> {
  if (options.databaseUrl === undefined) {
    const message =
      'workers share a PostgreSQL with the server: set DATABASE_URL; with the embedded database the server does the work itself';
    throw new UsageError('no-shared-database', message);
  }
  const database = await openDatabase({ url: options.databaseUrl, folder: '', connections: 4 });
  try {
    const jobs = await openJobQueue(database, (error) => {
      options.log(
        `${JSON.stringify({ level: 'error', message: 'the queue failed', error: error.message })}\n`,
      );
    });
    const { pollSeconds = 2 } = options;
    await jobs.work(
      makeJobHandlers(database.orm, options.mail, () => new Date()),
      { pollSeconds },
    );
    return {
      async close() {
        await jobs.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}
