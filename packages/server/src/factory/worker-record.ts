// Workers say that they are there; people see which ones are, and what they have done.

import type { FactoryJobKind } from '@resplice/protocol/factory';
import { eq, sql } from 'drizzle-orm';
import type { Orm } from '../database/database.js';
import { announce } from '../live/announcement.js';
import { LEASE_SECONDS } from './job-queue.js';
import { factoryWorkers } from './tables.js';

export interface WorkerIdentity {
  readonly name: string;
  readonly kinds: readonly FactoryJobKind[];
  readonly processors: number;
  readonly version: string;
}

/** Between two looks of announceSilentWorkers, and some more. */
const LOOK_SECONDS = 150;

export async function announceWorker(orm: Orm, worker: WorkerIdentity): Promise<void> {
  const row = { ...worker, startedAt: sql`now()`, seenAt: sql`now()` };
  await orm
    .insert(factoryWorkers)
    .values(row)
    .onConflictDoUpdate({ target: factoryWorkers.name, set: { ...row, done: 0, failed: 0 } });
  await announce(orm, 'all', 'workers', [worker.name]);
}

/** Of a worker that goes home in order. Others are remembered as silent. */
export async function dismissWorker(orm: Orm, name: string): Promise<void> {
  await orm.delete(factoryWorkers).where(eq(factoryWorkers.name, name));
  await announce(orm, 'all', 'workers', [name]);
}

export async function seeWorker(orm: Orm, name: string): Promise<void> {
  await orm.update(factoryWorkers).set({ seenAt: sql`now()` }).where(eq(factoryWorkers.name, name));
}

/** Nobody says of himself that he was killed: the server does, once a minute. */
export async function announceSilentWorkers(orm: Orm): Promise<void> {
  const rows = await orm
    .select({ name: factoryWorkers.name })
    .from(factoryWorkers)
    .where(
      sql`${factoryWorkers.seenAt} between now() - ${LEASE_SECONDS + LOOK_SECONDS} * interval '1 second'
          and now() - ${LEASE_SECONDS} * interval '1 second'`,
    );
  await announce(
    orm,
    'all',
    'workers',
    rows.map(({ name }) => name),
  );
}

export async function countJob(orm: Orm, name: string, outcome: 'done' | 'failed'): Promise<void> {
  const column = factoryWorkers[outcome];
  await orm
    .update(factoryWorkers)
    .set({ [outcome]: sql`${column} + 1` })
    .where(eq(factoryWorkers.name, name));
  await announce(orm, 'all', 'workers', [name]);
}
