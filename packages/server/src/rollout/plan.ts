// Plans of an organisation: named lists of rings.

import type { RolloutPlan, RolloutPlanBody } from '@resplice/protocol/console';
import { and, eq, ne } from 'drizzle-orm';
import { type Author, entryOf, writeAudit } from '../audit.js';
import type { Orm } from '../database/database.js';
import { organisations, rolloutPlans } from '../database/schema.js';
import { notFound, ServiceError } from '../failure.js';
import { announce } from '../live/announcement.js';

export async function listPlans(orm: Orm, organisationId: string): Promise<readonly RolloutPlan[]> {
  const rows = await orm
    .select()
    .from(rolloutPlans)
    .where(eq(rolloutPlans.organisationId, organisationId))
    .orderBy(rolloutPlans.name);
  return rows.map(({ organisationId: _, changedAt, rings, ...row }) => ({
    ...row,
    rings: [...rings],
    changedAt: changedAt.toISOString(),
  }));
}

/** Makes it or replaces it; roll-outs that are under way have a copy and do not change. */
export async function putPlan(orm: Orm, who: Author, name: string, body: RolloutPlanBody): Promise<void> {
  const { organisationId, actor } = who.principal;
  await orm.transaction(async (transaction) => {
    if (body.automatic) {
      await transaction
        .update(rolloutPlans)
        .set({ automatic: false })
        .where(and(eq(rolloutPlans.organisationId, organisationId), ne(rolloutPlans.name, name)));
    } else await assertNotNeeded(transaction, organisationId, name);
    const set = { ...body, changedAt: new Date(), changedBy: actor };
    await transaction
      .insert(rolloutPlans)
      .values({ organisationId, name, ...set })
      .onConflictDoUpdate({ target: [rolloutPlans.organisationId, rolloutPlans.name], set });
    await writeAudit(transaction, entryOf(who, 'rollout-plan.put', name, { ...body }));
    await announce(transaction, organisationId, 'rollouts', [name]);
  });
}

export async function removePlan(orm: Orm, who: Author, name: string): Promise<void> {
  const { organisationId } = who.principal;
  await orm.transaction(async (transaction) => {
    await assertNotNeeded(transaction, organisationId, name);
    const rows = await transaction
      .delete(rolloutPlans)
      .where(and(eq(rolloutPlans.organisationId, organisationId), eq(rolloutPlans.name, name)))
      .returning({ name: rolloutPlans.name });
    if (rows.length === 0) throw notFound('plan');
    await writeAudit(transaction, entryOf(who, 'rollout-plan.remove', name));
    await announce(transaction, organisationId, 'rollouts', [name]);
  });
}

/** Else published updates would go nowhere, and nobody would be told. */
async function assertNotNeeded(
  orm: Pick<Orm, 'select'>,
  organisationId: string,
  name: string,
): Promise<void> {
  const [needed] = await orm
    .select({ name: rolloutPlans.name })
    .from(rolloutPlans)
    .innerJoin(organisations, eq(organisations.id, rolloutPlans.organisationId))
    .where(
      and(
        eq(organisations.id, organisationId),
        eq(organisations.rollout, 'plan'),
        eq(rolloutPlans.name, name),
        eq(rolloutPlans.automatic, true),
      ),
    );
  if (needed === undefined) return;
  const message = `published updates go by the plan ${name}: make another one automatic first, or set the organisation's roll-out to "manual"`;
  throw new ServiceError('conflict', message);
}
