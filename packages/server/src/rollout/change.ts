// What people do with roll-outs: start, halt, resume, go on without waiting, withdraw. Each is one transaction with its line in the audit log.

import { randomUUID } from 'node:crypto';
import type { RolloutState, StartRollout } from '@resplice/protocol/console';
import { and, eq, inArray, isNotNull, sql } from 'drizzle-orm';
import { type Author, entryOf, writeAudit } from '../audit.js';
import type { Orm } from '../database/database.js';
import { machines, rolloutPlans, rollouts, stagedRollouts } from '../database/schema.js';
import { notFound, ServiceError } from '../failure.js';
import type { Catalogue } from '../update/catalogue.js';
import { nextStep } from './decide.js';
import { projectRollout } from './projection.js';

export type RolloutChange =
  | { readonly kind: 'halt'; readonly why: string; readonly takeBack: boolean }
  | { readonly kind: 'resume' }
  | { readonly kind: 'next' }
  | { readonly kind: 'withdraw'; readonly why: string };

/** In which states each is possible. */
const POSSIBLE: Readonly<Record<RolloutChange['kind'], readonly RolloutState[]>> = {
  halt: ['waiting', 'rolling', 'halted'],
  resume: ['halted'],
  next: ['waiting', 'rolling'],
  withdraw: ['waiting', 'rolling', 'halted', 'everywhere'],
};

export interface RolloutStart extends Omit<StartRollout, 'plan'> {
  readonly organisationId: string;
  /** As in the audit log. */
  readonly actor: string;
}

/** Throws ServiceError `not-found`, `conflict`. */
export async function startRollout(
  orm: Orm,
  catalogue: Catalogue,
  who: Author,
  { plan, ...request }: StartRollout,
  now: Date,
): Promise<string> {
  const { organisationId, actor } = who.principal;
  const [found] = await orm
    .select()
    .from(rolloutPlans)
    .where(and(eq(rolloutPlans.organisationId, organisationId), eq(rolloutPlans.name, plan)));
  if (found === undefined) throw notFound(`plan "${plan}"`);
  for (const id of request.updates)
    if (!catalogue.updates.some(({ updateId }) => updateId === id)) throw notFound(`update ${id}`);
  return orm.transaction(async (transaction) => {
    const id = await insertRollout(transaction, found, { ...request, organisationId, actor }, now);
    const detail = { name: request.name, updates: request.updates, plan };
    await writeAudit(transaction, entryOf(who, 'rollout.start', id, detail));
    return id;
  });
}

/** In the caller's transaction. Throws ServiceError `conflict` when one of the updates is withdrawn or on its way already. */
export async function insertRollout(
  transaction: Orm,
  plan: typeof rolloutPlans.$inferSelect,
  { organisationId, actor, name, updates, startsAt }: RolloutStart,
  now: Date,
): Promise<string> {
  const ids = [...new Set(updates)].sort();
  await assertFree(transaction, organisationId, ids);
  const begins = startsAt === undefined || new Date(startsAt) <= now ? now : new Date(startsAt);
  const waits = begins > now;
  const unwell = await transaction
    .select({ id: machines.id })
    .from(machines)
    .where(
      and(
        eq(machines.organisationId, organisationId),
        sql`(${machines.health} = 'bad' or ${machines.disabled} = 'crash-loop')`,
      ),
    );
  const [row] = await transaction
    .insert(stagedRollouts)
    .values({
      id: randomUUID(),
      organisationId,
      name,
      updates: ids,
      plan: plan.name,
      rings: plan.rings,
      gates: plan.gates,
      state: waits ? 'waiting' : 'rolling',
      ring: waits ? -1 : 0,
      ringSince: begins,
      startsAt: begins,
      // Machines that were unwell before say nothing about it.
      overruled: unwell.map(({ id }) => id),
      changedAt: now,
      changedBy: actor,
    })
    .returning();
  if (row === undefined) throw new Error('a roll-out wrote no row');
  await projectRollout(transaction, row, now);
  return row.id;
}

async function assertFree(orm: Pick<Orm, 'select'>, organisationId: string, ids: string[]): Promise<void> {
  const [taken] = await orm
    .select({ updateId: rollouts.updateId, withdrawnAt: rollouts.withdrawnAt })
    .from(rollouts)
    .where(
      and(
        eq(rollouts.organisationId, organisationId),
        inArray(rollouts.updateId, ids),
        sql`(${isNotNull(rollouts.audience)} or ${isNotNull(rollouts.withdrawnAt)})`,
      ),
    )
    .limit(1);
  if (taken === undefined) return;
  const message =
    taken.withdrawnAt === null
      ? `the update ${taken.updateId} is on its way by another roll-out`
      : `the update ${taken.updateId} is withdrawn; restore it first`;
  throw new ServiceError('conflict', message);
}

/** `bad`: machines that speak against it now, whom resuming overrules. Throws ServiceError `not-found`, `conflict`. */
export async function changeRollout(
  orm: Orm,
  who: Author,
  id: string,
  change: RolloutChange,
  { now, bad }: { readonly now: Date; readonly bad: readonly string[] },
): Promise<void> {
  const { organisationId, actor } = who.principal;
  await orm.transaction(async (transaction) => {
    const [row] = await transaction
      .select()
      .from(stagedRollouts)
      .where(and(eq(stagedRollouts.organisationId, organisationId), eq(stagedRollouts.id, id)))
      .for('update');
    if (row === undefined) throw notFound('roll-out');
    if (!POSSIBLE[change.kind].includes(row.state)) {
      const advice = row.state === 'halted' ? '; resume it first' : '';
      throw new ServiceError(
        'conflict',
        `the roll-out is ${row.state}: ${change.kind} is not possible${advice}`,
      );
    }
    const [changed] = await transaction
      .update(stagedRollouts)
      .set({ ...effectOf(row, change, actor, { now, bad }), changedAt: now, changedBy: actor })
      .where(eq(stagedRollouts.id, id))
      .returning();
    if (changed === undefined) throw notFound('roll-out');
    await projectRollout(transaction, changed, now);
    if (change.kind === 'withdraw') {
      await transaction
        .update(rollouts)
        .set({ withdrawnAt: now, reason: change.why })
        .where(and(eq(rollouts.organisationId, organisationId), inArray(rollouts.updateId, row.updates)));
    }
    const { kind, ...detail } = change;
    await writeAudit(transaction, entryOf(who, `rollout.${kind}`, id, { name: row.name, ...detail }));
  });
}

function effectOf(
  row: typeof stagedRollouts.$inferSelect,
  change: RolloutChange,
  actor: string,
  { now, bad }: { readonly now: Date; readonly bad: readonly string[] },
): Partial<typeof row> {
  if (change.kind === 'withdraw') return { state: 'withdrawn', halt: null };
  if (change.kind === 'halt') {
    const { why, takeBack } = change;
    return { state: 'halted', halt: { at: now.toISOString(), by: actor, why, takeBack, signals: [] } };
  }
  if (change.kind === 'resume') {
    const state = row.ring < 0 ? 'waiting' : 'rolling';
    return { state, halt: null, ringSince: now, overruled: [...new Set([...row.overruled, ...bad])] };
  }
  const step = nextStep(row.ring, row.rings);
  return step.kind === 'open'
    ? { state: 'rolling', ring: step.ring, ringSince: now }
    : { state: 'everywhere', ringSince: now };
}
