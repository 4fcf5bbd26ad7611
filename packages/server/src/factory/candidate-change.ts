// The only place that writes the state of a candidate: the table of transitions decides, and the history gets a line.

import type { CandidateState } from '@resplice/protocol/factory';
import { and, eq, sql } from 'drizzle-orm';
import { type Orm, selectRows } from '../database/database.js';
import { notFound, ServiceError } from '../failure.js';
import { announce } from '../live/announcement.js';
import { type CandidateEvent, nextState, UNSETTLED } from './candidate-state.js';
import { addJob } from './job-queue.js';
import { ofKernel } from './of-kernel.js';
import { factoryCandidates, factoryHistory, factoryReleases, factoryUnits } from './tables.js';

/** More would lose too much when the worker dies. */
export const CANDIDATES_PER_BOOT = 32;

export type CandidateRecord = typeof factoryCandidates.$inferSelect;
type Changed = Partial<Omit<typeof factoryCandidates.$inferInsert, 'id' | 'state'>>;

export interface Move {
  readonly event: CandidateEvent;
  /** As in the audit log, or `worker NAME`. */
  readonly who: string;
  readonly why?: string | undefined;
  readonly set?: Changed | undefined;
}

/** The row, locked until the transaction ends. Throws ServiceError `not-found`. */
export async function lockCandidate(
  transaction: Orm,
  id: string,
  organisationId?: string,
): Promise<CandidateRecord> {
  const [row] = await transaction
    .select()
    .from(factoryCandidates)
    .where(eq(factoryCandidates.id, id))
    .for('update');
  if (row === undefined || (organisationId !== undefined && row.organisationId !== organisationId))
    throw notFound('candidate');
  return row;
}

/** Throws ServiceError `conflict` when it cannot happen in the state that the candidate is in. */
export async function moveCandidate(
  transaction: Orm,
  candidate: CandidateRecord,
  { event, who, why, set = {} }: Move,
): Promise<CandidateRecord> {
  const from = candidate.state as CandidateState;
  const to = nextState(from, event);
  if (to === undefined)
    throw new ServiceError('conflict', `the candidate is ${from}: "${event}" is not possible now`);
  const [row] = await transaction
    .update(factoryCandidates)
    .set({ ...set, state: to, changedAt: sql`now()` })
    .where(eq(factoryCandidates.id, candidate.id))
    .returning();
  if (row === undefined) throw notFound('candidate');
  if (from !== to || why !== undefined) {
    const line = { candidateId: candidate.id, fromState: from, toState: to, who, why: why ?? null };
    await transaction.insert(factoryHistory).values(line);
  }
  await announce(transaction, row.organisationId, 'candidates', [row.id]);
  await addFollowing(transaction, row);
  await noteSettled(transaction, row);
  return row;
}

export function kernelSpec({
  kernelRelease,
  kernelVersion,
}: Pick<CandidateRecord, 'kernelRelease' | 'kernelVersion'>): string {
  return `${kernelRelease}=${kernelVersion}`;
}

/** The work that a state asks for. */
async function addFollowing(transaction: Orm, row: CandidateRecord): Promise<void> {
  const { organisationId, releaseId, priority } = row;
  const kernel = kernelSpec(row);
  if (row.state === 'new') await addConversion(transaction, row);
  else if (row.state === 'automatic') await addTest(transaction, row);
  else if (await isJoinDue(transaction, row))
    await addJob(transaction, {
      ...{ organisationId, releaseId, kernel, priority },
      ...{ kind: 'join', target: `${releaseId} ${kernel}`, subject: kernel },
    });
}

/**
 * For candidates of a kernel that wait for their test. As many as share a boot come before further conversions of the same urgency, so that a
 * large release is ready for review bit by bit; fewer wait for company.
 */
export async function addTest(transaction: Orm, row: CandidateRecord): Promise<void> {
  const kernel = kernelSpec(row);
  const waiting = await transaction.$count(
    factoryCandidates,
    and(ofKernel(factoryCandidates, row, row), eq(factoryCandidates.state, 'automatic')),
  );
  await addJob(transaction, {
    ...{ organisationId: row.organisationId, kind: 'test', kernel, target: kernel, subject: kernel },
    priority: row.priority + (waiting >= CANDIDATES_PER_BOOT ? 1 : 0),
  });
}

/** For a candidate that is new. */
export async function addConversion(transaction: Orm, row: CandidateRecord): Promise<void> {
  const [unit] = await transaction
    .select({ name: factoryUnits.name })
    .from(factoryUnits)
    .where(eq(factoryUnits.id, row.unitId));
  await addJob(transaction, {
    organisationId: row.organisationId,
    kind: 'convert',
    target: row.id,
    subject: unit?.name ?? '',
    candidateId: row.id,
    releaseId: row.releaseId,
    kernel: kernelSpec(row),
    priority: row.priority,
  });
}

/** Units are joined when all of their release have answered, so that the result does not depend on which worker was quicker. */
async function isJoinDue(
  transaction: Orm,
  { releaseId, kernelRelease, kernelVersion }: CandidateRecord,
): Promise<boolean> {
  const [row] = await selectRows<{ open: number; incomplete: number }>(
    transaction,
    sql`select count(*) filter (where state in ('new', 'converting'))::int open,
          count(*) filter (where state = 'waiting' and waiting_for is null)::int incomplete
        from factory_candidates
        where release_id = ${releaseId} and kernel_release = ${kernelRelease} and kernel_version = ${kernelVersion}`,
  );
  return row !== undefined && row.open === 0 && row.incomplete > 0;
}

async function noteSettled(transaction: Orm, { releaseId }: CandidateRecord): Promise<void> {
  await transaction
    .update(factoryReleases)
    .set({ settledAt: sql`now()` })
    .where(
      sql`${factoryReleases.id} = ${releaseId} and ${factoryReleases.settledAt} is null
          and not exists (select from factory_candidates c where c.release_id = ${releaseId}
                          and (c.state = any(${sql.param([...UNSETTLED])}::text[])
                            or c.state = 'waiting' and c.waiting_for is null))`,
    );
}
