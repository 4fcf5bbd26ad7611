// Workers say that they are there; people see which ones are, and what they have done.

import type { FactoryJobKind } from '@resplice/protocol/factory';
import { eq, sql } from 'drizzle-orm';
import type { Orm } from '../database/database.js';
import { factoryWorkers } from './tables.js';

export interface WorkerIdentity {
  readonly name: string;
  readonly kinds: readonly FactoryJobKind[];
  readonly processors: number;
  readonly version: string;
}

export async function announceWorker(orm: Orm, worker: WorkerIdentity): Promise<void> {
  const row = { ...worker, startedAt: sql`now()`, seenAt: sql`now()` };
  await orm
    .insert(factoryWorkers)
    .values(row)
    .onConflictDoUpdate({ target: factoryWorkers.name, set: { ...row, done: 0, failed: 0 } });
}

export async function seeWorker(orm: Orm, name: string): Promise<void> {
  await orm.update(factoryWorkers).set({ seenAt: sql`now()` }).where(eq(factoryWorkers.name, name));
}

export async function countJob(orm: Orm, name: string, outcome: 'done' | 'failed'): Promise<void> {
  const column = factoryWorkers[outcome];
  await orm
    .update(factoryWorkers)
    .set({ [outcome]: sql`${column} + 1` })
    .where(eq(factoryWorkers.name, name));
}
