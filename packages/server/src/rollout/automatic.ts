// Published updates that nobody has decided on begin their way by the automatic plan, in organisations that want it so.

import { and, eq, inArray } from 'drizzle-orm';
import { writeAudit } from '../audit.js';
import type { Orm } from '../database/database.js';
import { organisations, rolloutPlans, rollouts } from '../database/schema.js';
import type { Catalogue } from '../update/catalogue.js';
import { insertRollout } from './change.js';

const ACTOR = 'the automatic plan';

export async function startAutomatic(orm: Orm, catalogue: Catalogue, now: Date): Promise<void> {
  const plans = await orm
    .select({ plan: rolloutPlans })
    .from(rolloutPlans)
    .innerJoin(organisations, eq(organisations.id, rolloutPlans.organisationId))
    .where(and(eq(organisations.rollout, 'plan'), eq(rolloutPlans.automatic, true)));
  for (const { plan } of plans) {
    if (listUndecided(catalogue, decidedOf(catalogue, plan.organisationId)).length === 0) continue;
    await orm.transaction(async (transaction) => {
      // One worker at a time; the next one finds them decided.
      await transaction
        .select({ id: organisations.id })
        .from(organisations)
        .where(eq(organisations.id, plan.organisationId))
        .for('update');
      await startUndecided(transaction as Orm, catalogue, plan, now);
    });
  }
}

async function startUndecided(
  transaction: Orm,
  catalogue: Catalogue,
  plan: typeof rolloutPlans.$inferSelect,
  now: Date,
): Promise<void> {
  const { organisationId } = plan;
  const rows = await transaction
    .select({ updateId: rollouts.updateId })
    .from(rollouts)
    .where(eq(rollouts.organisationId, organisationId));
  const updates = listUndecided(catalogue, new Set(rows.map(({ updateId }) => updateId)));
  if (updates.length === 0) return;
  const [first] = catalogue.updates.filter(({ updateId }) => updateId === updates[0]);
  const name =
    updates.length === 1
      ? (first?.description.slice(0, 200) ?? '')
      : `${updates.length} updates of ${now.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const start = { organisationId, actor: ACTOR, name: name || (updates[0] ?? ''), updates };
  const subject = await insertRollout(transaction, plan, start, now);
  const detail = { name, updates, plan: plan.name };
  await writeAudit(transaction, { organisationId, actor: ACTOR, action: 'rollout.start', subject, detail });
}

/** When an organisation begins to go by plans: what was published before stays where it is. */
export async function keepPublished(
  orm: Orm,
  catalogue: Catalogue,
  organisationId: string,
  ring: number,
  actor: string,
): Promise<void> {
  const updates = listUndecided(catalogue, decidedOf(catalogue, organisationId));
  if (updates.length === 0) return;
  const set = { ring, changedAt: new Date(), changedBy: actor };
  await orm
    .insert(rollouts)
    .values(updates.map((updateId) => ({ organisationId, updateId, ...set })))
    .onConflictDoNothing();
}

export async function hasAutomaticPlan(orm: Pick<Orm, 'select'>, organisationId: string): Promise<boolean> {
  const rows = await orm
    .select({ name: rolloutPlans.name })
    .from(rolloutPlans)
    .where(and(inArray(rolloutPlans.organisationId, [organisationId]), eq(rolloutPlans.automatic, true)));
  return rows.length > 0;
}

function decidedOf(catalogue: Catalogue, organisationId: string): ReadonlySet<string> {
  return new Set(catalogue.rollouts.get(organisationId)?.keys());
}

function listUndecided({ updates }: Catalogue, decided: ReadonlySet<string>): string[] {
  const ids = updates
    .filter(({ goneAt, updateId }) => goneAt === null && !decided.has(updateId))
    .map(({ updateId }) => updateId);
  return [...new Set(ids)].sort();
}
