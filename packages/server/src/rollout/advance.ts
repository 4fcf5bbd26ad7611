// Takes every roll-out one step further when the time has come. A job does it each minute, and at once when a machine complains. Any number of
// workers may do it at the same moment: each roll-out is locked for its step, and whoever finds it locked leaves it alone.
//
// What people are to be told is written down with the step and sent after it, so a worker that dies in between leaves it to the next one; so
// somebody may be told twice, and never not at all.

import type { RolloutHalt } from '@resplice/protocol/console';
import { and, eq, inArray, ne, or, type SQL, sql } from 'drizzle-orm';
import { writeAudit } from '../audit.js';
import type { Orm } from '../database/database.js';
import { type RolloutNotice, stagedRollouts } from '../database/schema.js';
import type { Notifier } from '../job/notifier.js';
import type { PatchLevelIndex } from '../machine/patch-level.js';
import type { CatalogueCache } from '../update/catalogue.js';
import { startAutomatic } from './automatic.js';
import { decideRollout, type Step } from './decide.js';
import { type Evidence, listInForce, readEvidence, type StagedRollout } from './evidence.js';
import { projectRollout } from './projection.js';

const NAMED_IN_HALT = 50;

/** As it stands in the audit log. */
export const GATES = 'the gates';

export interface AdvanceContext {
  readonly orm: Orm;
  readonly levels: PatchLevelIndex;
  readonly catalogue: CatalogueCache;
  readonly notifier: Notifier;
}

/** Rejects when one of them failed, after all were tried. */
export async function advanceRollouts(context: AdvanceContext, now: Date): Promise<void> {
  const { orm } = context;
  await startAutomatic(orm, await context.catalogue.get(orm), now);
  const ids = await orm
    .select({ id: stagedRollouts.id })
    .from(stagedRollouts)
    .where(
      or(
        inArray(stagedRollouts.state, ['waiting', 'rolling', 'halted']),
        ne(stagedRollouts.notices, sql`'[]'::jsonb`),
        and(eq(stagedRollouts.state, 'everywhere'), allWithdrawn()),
      ),
    )
    .orderBy(stagedRollouts.id);
  // One that fails does not keep the others from being halted.
  const failures: unknown[] = [];
  for (const { id } of ids)
    await advanceRollout(context, id, now).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

export async function advanceRollout(
  context: AdvanceContext,
  id: string,
  now: Date,
): Promise<Step | undefined> {
  const { orm, levels } = context;
  const catalogue = await context.catalogue.get(orm);
  const done = await orm.transaction(async (transaction) => {
    const [row] = await transaction
      .select()
      .from(stagedRollouts)
      .where(eq(stagedRollouts.id, id))
      .for('update', { skipLocked: true });
    if (row === undefined) return undefined;
    const { organisationId } = row;
    const reader = { orm: transaction as Orm, levels, catalogue, organisationId };
    const withdrawn = (await listInForce(reader, row)).length === 0;
    // Only a roll-out that moves is halted by what machines say.
    const evidence = row.state === 'rolling' ? await readEvidence(reader, row) : NO_EVIDENCE;
    const step = decideRollout(row, evidence, { now, withdrawn });
    if (step.kind === 'wait') return { step, notices: row.notices, organisationId };
    const notice = noticeOf(row, step, evidence);
    const notices = notice === undefined ? row.notices : [...row.notices, notice];
    const [changed] = await transaction
      .update(stagedRollouts)
      .set({ ...effectOf(step, evidence, now), notices, changedAt: now, changedBy: GATES })
      .where(eq(stagedRollouts.id, id))
      .returning();
    if (changed === undefined) throw new Error('a roll-out is gone that was locked');
    await projectRollout(transaction as Orm, changed, now);
    const { kind, ...detail } = step;
    await writeAudit(transaction, {
      organisationId,
      actor: GATES,
      action: `rollout.${kind}`,
      subject: id,
      detail: { name: row.name, ...detail },
    });
    return { step, notices, organisationId };
  });
  if (done !== undefined) await tell(context, id, done.organisationId, done.notices);
  return done?.step;
}

const NO_EVIDENCE: Evidence = { rings: [], bad: 0, signals: [] };

function allWithdrawn(): SQL {
  return sql`not exists (select from unnest(${stagedRollouts.updates}) u(id) where not exists (
    select from rollouts r where r.organisation_id = ${stagedRollouts.organisationId} and r.update_id = u.id
      and r.withdrawn_at is not null))`;
}

async function tell(
  { orm, notifier }: AdvanceContext,
  id: string,
  organisationId: string,
  notices: readonly RolloutNotice[],
): Promise<void> {
  if (notices.length === 0) return;
  for (const { event, item } of notices) await notifier.send(organisationId, event, [item]);
  await orm
    .update(stagedRollouts)
    .set({ notices: [] })
    .where(
      and(eq(stagedRollouts.id, id), sql`${stagedRollouts.notices} = ${JSON.stringify(notices)}::jsonb`),
    );
}

function effectOf(
  step: Exclude<Step, { kind: 'wait' }>,
  { signals }: Evidence,
  now: Date,
): Partial<StagedRollout> {
  if (step.kind === 'withdraw') return { state: 'withdrawn', halt: null };
  if (step.kind === 'finish') return { state: 'everywhere', ringSince: now };
  if (step.kind === 'open') return { state: 'rolling', ring: step.ring, ringSince: now };
  const halt: RolloutHalt = {
    at: now.toISOString(),
    by: GATES,
    why: step.why,
    takeBack: true,
    signals: signals.slice(0, NAMED_IN_HALT),
  };
  return { state: 'halted', halt };
}

function noticeOf(
  { id, name, updates, rings }: StagedRollout,
  step: Exclude<Step, { kind: 'wait' }>,
  { signals }: Evidence,
): RolloutNotice | undefined {
  const about = { rollout: id, name, updates };
  if (step.kind === 'halt')
    return {
      event: 'rollout.halted',
      item: { ...about, why: step.why, takenBack: true, signals: signals.slice(0, 20) },
    };
  if (step.kind === 'open')
    return { event: 'rollout.ring', item: { ...about, ring: rings[step.ring]?.name } };
  // Who withdrew it was told of that.
  return step.kind === 'finish' ? { event: 'rollout.finished', item: about } : undefined;
}
