// Work that is done later, by this process or by others on the same PostgreSQL: pg-boss, which brings leases, retries with back-off,
// priorities and a schedule, and keeps all of it in the database. Rejected: a table of our own, which would have to learn all that.
//
// A job may run twice (a worker dies after the work and before it says so), so every handler can bear it.
//
// pg-boss says that a job is done without waiting for the answer, so an error there would end the process. What it asks by itself therefore waits
// while the database is away; what is asked of the queue fails at once, as any other request.

import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import PgBoss from 'pg-boss';
import type { Database } from '../database/database.js';
import { isPassing } from '../database/passing-error.js';

/** Every kind of job and what it is told. */
export interface Jobs {
  /** One request to one webhook. */
  webhook: { readonly webhook: string; readonly event: string; readonly body: string };
  mail: { readonly to: readonly string[]; readonly subject: string; readonly text: string };
  /** Removes what is not needed any more. */
  tidy: Record<string, never>;
  /** What the embedded database does not do by itself. */
  upkeep: Record<string, never>;
  /** Looks how the fleets stand and keeps it. */
  sample: Record<string, never>;
  /** Takes roll-outs a step further. */
  rollouts: Record<string, never>;
  /** Tells pages which workers of the factory fell silent. */
  workers: Record<string, never>;
}

export type JobName = keyof Jobs;

export interface JobPolicy {
  /** A worker that has not finished by then has lost the job to the next one. */
  readonly leaseSeconds: number;
  readonly retries: number;
  /** Doubled with each retry. */
  readonly backOffSeconds: number;
}

const POLICIES: Readonly<Record<JobName, JobPolicy>> = {
  webhook: { leaseSeconds: 60, retries: 9, backOffSeconds: 5 },
  mail: { leaseSeconds: 120, retries: 8, backOffSeconds: 30 },
  tidy: { leaseSeconds: 600, retries: 1, backOffSeconds: 60 },
  upkeep: { leaseSeconds: 3600, retries: 0, backOffSeconds: 60 },
  sample: { leaseSeconds: 300, retries: 1, backOffSeconds: 60 },
  rollouts: { leaseSeconds: 300, retries: 1, backOffSeconds: 10 },
  workers: { leaseSeconds: 60, retries: 0, backOffSeconds: 10 },
};
/** When work comes about by itself. */
const SCHEDULE: readonly (readonly [JobName, string])[] = [
  ['tidy', '17 * * * *'],
  ['upkeep', '41 3 * * *'],
  ['sample', '*/15 * * * *'],
  ['rollouts', '* * * * *'],
  ['workers', '* * * * *'],
];
/** Between attempts while the database is away. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const NAMES = Object.keys(POLICIES) as JobName[];

export type JobHandlers = { readonly [Name in JobName]: (job: Jobs[Name]) => Promise<void> };

export interface JobQueue {
  send<Name extends JobName>(name: Name, job: Jobs[Name]): Promise<void>;
  /** Takes jobs until the queue is closed. */
  work(handlers: JobHandlers, options?: { readonly pollSeconds?: number }): Promise<void>;
  /** Jobs that wait or run, by name. */
  count(): Promise<ReadonlyMap<JobName, number>>;
  /** Ends when the jobs that run here have ended, or after 30 seconds. */
  close(): Promise<void>;
}

export async function openJobQueue(database: Database, onError: (error: Error) => void): Promise<JobQueue> {
  const asked = new AsyncLocalStorage<true>();
  let open = true;
  const execute = async (text: string, values: readonly unknown[]) => {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        return { rows: [...(await database.run(text, values))] };
      } catch (error) {
        if (!(error instanceof Error) || !isPassing(error) || !open || asked.getStore() === true) throw error;
        onError(error);
        await wait(pause);
      }
    }
  };
  const boss = new PgBoss({
    db: { executeSql: (text, values) => execute(text, values ?? []) },
    schema: 'jobs',
    archiveCompletedAfterSeconds: 3600,
    deleteAfterDays: 7,
  });
  boss.on('error', onError);
  await asked.run(true, async () => {
    await boss.start();
    for (const name of NAMES) await boss.createQueue(name);
  });
  return {
    async send(name, job) {
      const { leaseSeconds, retries, backOffSeconds } = POLICIES[name];
      const options = {
        expireInSeconds: leaseSeconds,
        retryLimit: retries,
        retryDelay: backOffSeconds,
        retryBackoff: true,
      };
      await asked.run(true, () => boss.send(name, job, options));
    },
    async work(handlers, { pollSeconds = 2 } = {}) {
      const take = async <Name extends JobName>(name: Name): Promise<void> => {
        await boss.work<Jobs[Name]>(name, { pollingIntervalSeconds: pollSeconds }, async (jobs) => {
          for (const { data } of jobs) await handlers[name](data);
        });
      };
      for (const name of NAMES) await take(name);
      for (const [name, cron] of SCHEDULE) await boss.schedule(name, cron, {});
    },
    async count() {
      const count = async (name: JobName) =>
        [name, await boss.getQueueSize(name, { before: 'completed' })] as const;
      const sizes = await asked.run(true, () => Promise.all(NAMES.map(count)));
      return new Map(sizes);
    },
    async close() {
      if (!open) return;
      open = false;
      await boss.stop({ graceful: true, timeout: 30_000, wait: true, close: false });
    },
  };
}
