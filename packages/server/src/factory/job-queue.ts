// The queue of the factory: a table, not pg-boss. Three things decide that. A job is made in the transaction that changes the candidate it is
// for, and ends in the one that records its result, so no kill leaves one without the other. A conversion takes seconds or an hour, so its
// lease is short and renewed while a worker lives, and a dead worker's job is taken up within a minute. And people look at jobs, move
// them forward when data about exploits is imported, and cancel them. Clocks of workers do not matter: all times are the database's.

import { randomUUID } from 'node:crypto';
import type { FactoryJobKind } from '@resplice/protocol/factory';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { type Orm, selectRows } from '../database/database.js';
import { announce } from '../live/announcement.js';
import { factoryJobLogs, factoryJobs } from './tables.js';

export const LEASE_SECONDS = 60;
const LONGEST_BACK_OFF_SECONDS = 900;

interface JobPolicy {
  /** Attempts, those included that ended with the worker. */
  readonly attempts: number;
  /** Doubled with each failure. */
  readonly backOffSeconds: number;
  /** So long it gathers company before it runs. */
  readonly delaySeconds: number;
  /** Several of one target may run at a time, each with a part of what is to be done. */
  readonly shared?: true;
}

const POLICIES: Readonly<Record<FactoryJobKind, JobPolicy>> = {
  watch: { attempts: 3, backOffSeconds: 30, delaySeconds: 0 },
  split: { attempts: 6, backOffSeconds: 15, delaySeconds: 0 },
  convert: { attempts: 6, backOffSeconds: 15, delaySeconds: 0 },
  join: { attempts: 6, backOffSeconds: 15, delaySeconds: 0 },
  // A boot is shared by what is ready by then.
  test: { attempts: 6, backOffSeconds: 15, delaySeconds: 20, shared: true },
  publish: { attempts: 6, backOffSeconds: 15, delaySeconds: 0 },
};

const SHARED = Object.entries(POLICIES).flatMap(([kind, { shared }]) => (shared ? [kind] : []));

export type FactoryJobRow = typeof factoryJobs.$inferSelect;

/** A job that this worker has now, with the proof of it. */
export interface HeldJob extends FactoryJobRow {
  readonly lease: string;
}

export interface JobWish {
  readonly organisationId: string;
  readonly kind: FactoryJobKind;
  readonly target: string;
  readonly subject: string;
  readonly candidateId?: string;
  readonly releaseId?: string;
  readonly kernel?: string;
  readonly priority: number;
}

type Writer = Pick<Orm, 'insert' | 'update' | 'select' | 'execute'>;

/** To be called in the transaction that makes the job necessary. Nothing is added when the same job waits already. */
export async function addJob(orm: Writer, wish: JobWish): Promise<void> {
  const { attempts, delaySeconds } = POLICIES[wish.kind];
  const runAfter = sql`now() + ${delaySeconds} * interval '1 second'`;
  const id = randomUUID();
  // The index makes sure of it, also against whoever asks for the same at this moment.
  const [row] = await orm
    .insert(factoryJobs)
    .values({ ...wish, id, state: 'waiting', attempts, runAfter })
    .onConflictDoUpdate({
      target: [factoryJobs.organisationId, factoryJobs.kind, factoryJobs.target],
      targetWhere: sql`state = 'waiting'`,
      set: { priority: sql`greatest(${factoryJobs.priority}, excluded.priority)` },
    })
    .returning({ id: factoryJobs.id });
  if (row?.id === id) await announce(orm, wish.organisationId, 'jobs', [id]);
}

/** The most urgent job of these kinds that nobody has; also one whose worker has fallen silent. No two of one target run at a time, unless they share it. */
export async function claimJob(
  orm: Orm,
  worker: string,
  kinds: readonly FactoryJobKind[],
  leaseSeconds = LEASE_SECONDS,
): Promise<HeldJob | undefined> {
  const lease = randomUUID();
  const [row] = await orm
    .update(factoryJobs)
    .set({
      state: 'running',
      worker,
      lease,
      leasedUntil: leaseEnd(leaseSeconds),
      attempt: sql`${factoryJobs.attempt} + 1`,
      startedAt: sql`now()`,
      stage: null,
      percent: null,
    })
    .where(
      eq(
        factoryJobs.id,
        sql`(select id from factory_jobs j
             where kind = any(${sql.param([...kinds])}::text[])
               and (state = 'waiting' and run_after <= now()
                 or state = 'running' and leased_until < now() and attempt < attempts)
               and (kind = any(${sql.param(SHARED)}::text[])
                 or not exists (select from factory_jobs other where other.state = 'running'
                   and other.leased_until >= now() and other.kind = j.kind and other.target = j.target
                   and other.organisation_id = j.organisation_id))
             order by priority desc, created_at, id limit 1 for update skip locked)`,
      ),
    )
    .returning();
  if (row === undefined) return undefined;
  await announce(orm, row.organisationId, 'jobs', [row.id]);
  await announce(orm, row.organisationId, 'workers', [worker]);
  return { ...row, lease };
}

/** Says that the worker lives; false when the job is not its own any more and its work is to stop. */
export async function renewJob(
  orm: Orm,
  job: HeldJob,
  at: { readonly stage: string; readonly percent: number | null } | undefined,
  leaseSeconds = LEASE_SECONDS,
): Promise<boolean> {
  const rows = await orm
    .update(factoryJobs)
    .set({ leasedUntil: leaseEnd(leaseSeconds), ...at })
    .where(held(job))
    .returning({ id: factoryJobs.id });
  if (at !== undefined && rows.length > 0) await announce(orm, job.organisationId, 'jobs', [job.id]);
  return rows.length > 0;
}

/** Somebody else has the job, or it was cancelled. */
export class JobLostError extends Error {}

/** Ends a job together with what came of it, or neither. Throws JobLostError. */
export async function completeJob(
  orm: Orm,
  job: HeldJob,
  record: (transaction: Orm) => Promise<void>,
  cpuMilliseconds: number,
): Promise<void> {
  await orm.transaction(async (transaction) => {
    const rows = await transaction
      .update(factoryJobs)
      .set({ state: 'done', endedAt: sql`now()`, leasedUntil: null, problem: null, cpuMilliseconds })
      .where(held(job))
      .returning({ id: factoryJobs.id });
    if (rows.length === 0) throw new JobLostError(`job ${job.id} is not this worker's any more`);
    await record(transaction as Orm);
    await announce(transaction, job.organisationId, 'jobs', [job.id]);
  });
}

/**
 * Another attempt later; the end after the last one, or when another one would fail in the same way.
 * @param giveUp what becomes of the job's subject at the end
 */
export async function failJob(
  orm: Orm,
  job: HeldJob,
  { problem, isFinal }: { readonly problem: string; readonly isFinal: boolean },
  giveUp: (transaction: Orm) => Promise<void>,
): Promise<void> {
  const last = isFinal || job.attempt >= job.attempts;
  const wait = Math.min(
    LONGEST_BACK_OFF_SECONDS,
    POLICIES[job.kind].backOffSeconds * 2 ** Math.max(0, job.attempt - 1),
  );
  await inQueue(orm, async (transaction) => {
    if (!last) await dropTwin(transaction, job);
    const rows = await transaction
      .update(factoryJobs)
      .set({
        state: last ? 'failed' : 'waiting',
        problem,
        leasedUntil: null,
        ...(last ? { endedAt: sql`now()` } : { runAfter: sql`now() + ${wait} * interval '1 second'` }),
      })
      .where(held(job))
      .returning({ id: factoryJobs.id });
    if (rows.length > 0 && last) await giveUp(transaction as Orm);
    await announce(transaction, job.organisationId, 'jobs', [job.id]);
  });
}

/** Back to the queue at once and without counting: the worker is going home. */
export async function returnJob(orm: Orm, job: HeldJob): Promise<void> {
  await inQueue(orm, async (transaction) => {
    await dropTwin(transaction, job);
    await transaction
      .update(factoryJobs)
      .set({
        state: 'waiting',
        leasedUntil: null,
        attempt: sql`${factoryJobs.attempt} - 1`,
        runAfter: sql`now()`,
      })
      .where(held(job));
    await announce(transaction, job.organisationId, 'jobs', [job.id]);
  });
}

/** A job that goes back to the queue does again what somebody has asked for since it began. */
async function dropTwin(transaction: Orm, job: HeldJob): Promise<void> {
  await transaction
    .update(factoryJobs)
    .set({ state: 'cancelled', endedAt: sql`now()`, problem: 'the job before it is tried again instead' })
    .where(
      and(
        eq(factoryJobs.organisationId, job.organisationId),
        eq(factoryJobs.kind, job.kind),
        eq(factoryJobs.target, job.target),
        eq(factoryJobs.state, 'waiting'),
        sql`exists (select from factory_jobs mine where mine.id = ${job.id} and mine.lease = ${job.lease}
                    and mine.state = 'running')`,
      ),
    );
}

/** A twin that was asked for while this ran is only seen by the second attempt. */
async function inQueue(orm: Orm, work: (transaction: Orm) => Promise<void>): Promise<void> {
  const run = () => orm.transaction((transaction) => work(transaction as Orm));
  await run().catch((error: unknown) => {
    if (isWaitingTwice(error)) return run();
    throw error;
  });
}

function isWaitingTwice(error: unknown): boolean {
  return (
    error instanceof Error &&
    (('constraint' in error && error.constraint === 'factory_jobs_waiting') || isWaitingTwice(error.cause))
  );
}

/** Jobs of a candidate that wait or run; a worker notices within a few seconds. */
export async function cancelJobs(orm: Pick<Orm, 'update'>, candidateId: string): Promise<void> {
  await orm
    .update(factoryJobs)
    .set({ state: 'cancelled', endedAt: sql`now()`, leasedUntil: null })
    .where(and(eq(factoryJobs.candidateId, candidateId), inArray(factoryJobs.state, ['waiting', 'running'])));
}

/** Adds to the log of a job. */
export async function appendLog(orm: Orm, job: HeldJob, text: string): Promise<void> {
  if (text === '') return;
  await orm.insert(factoryJobLogs).values({
    jobId: job.id,
    position: sql`(select coalesce(max(position), -1) + 1 from factory_job_logs where job_id = ${job.id})`,
    text,
  });
}

export async function readLog(
  orm: Orm,
  jobId: string,
  from: number,
): Promise<{ readonly text: string; readonly next: number }> {
  const rows = await selectRows<{ position: number; text: string }>(
    orm,
    sql`select position, text from factory_job_logs where job_id = ${jobId} and position >= ${from} order by position limit 2000`,
  );
  return { text: rows.map(({ text }) => text).join(''), next: (rows.at(-1)?.position ?? from - 1) + 1 };
}

function held(job: HeldJob) {
  return and(eq(factoryJobs.id, job.id), eq(factoryJobs.lease, job.lease), eq(factoryJobs.state, 'running'));
}

function leaseEnd(seconds: number) {
  return sql`now() + ${seconds} * interval '1 second'`;
}

/** Jobs that took their workers with them as often as they may. */
export async function listLost(orm: Orm): Promise<readonly HeldJob[]> {
  const rows = await orm
    .select()
    .from(factoryJobs)
    .where(
      sql`${factoryJobs.state} = 'running' and ${factoryJobs.leasedUntil} < now() and ${factoryJobs.attempt} >= ${factoryJobs.attempts}`,
    )
    .limit(20);
  return rows.flatMap((row) => (row.lease === null ? [] : [{ ...row, lease: row.lease }]));
}
