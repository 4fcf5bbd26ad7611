// A process that only does the queue's work. Any number of them, on any number of machines, share one PostgreSQL.

import { UsageError } from '@resplice/report';
import { openDatabase } from './database/open-database.js';
import { makeJobHandlers } from './job/handlers.js';
import { openJobQueue } from './job/job-queue.js';
import type { MailSettings } from './job/mail.js';
import { Notifier } from './job/notifier.js';

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
    const note = (message: string) => (error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      options.log(`${JSON.stringify({ level: 'error', message, error: text })}\n`);
    };
    const jobs = await openJobQueue(database, note('the queue failed'));
    const notifier = new Notifier(database.orm, jobs, note('a notification failed'));
    const { pollSeconds = 2 } = options;
    await jobs.work(makeJobHandlers({ database, mail: options.mail, notifier, now: () => new Date() }), {
      pollSeconds,
    });
    // A history that begins now and not at the next quarter of an hour.
    await jobs.send('sample', {});
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
