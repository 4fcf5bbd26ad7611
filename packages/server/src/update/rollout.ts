// What an organisation decides about an update: how far it is released, and whether it is taken back.

import { and, eq, isNotNull } from 'drizzle-orm';
import { type Author, entryOf, writeAudit } from '../audit.js';
import type { Orm } from '../database/database.js';
import { rollouts } from '../database/schema.js';
import { notFound, ServiceError } from '../failure.js';
import { announce } from '../live/announcement.js';
import { bumpCatalogue, type Catalogue } from './catalogue.js';
import { LAST_RING } from './desired-state.js';

export type Decision =
  | { readonly kind: 'release'; readonly ring: number }
  | { readonly kind: 'withdraw'; readonly reason: string }
  | { readonly kind: 'restore' };

/** Throws ServiceError `not-found` for an update that was never published. */
export async function decideUpdate(
  orm: Orm,
  catalogue: Catalogue,
  who: Author,
  id: string,
  decision: Decision,
): Promise<void> {
  if (!catalogue.updates.some(({ updateId }) => updateId === id)) throw notFound('update');
  const { organisationId, actor } = who.principal;
  const now = new Date();
  const set = changeOf(decision, now);
  const ring = catalogue.defaultRings.get(organisationId) ?? LAST_RING;
  await orm.transaction(async (transaction) => {
    await bumpCatalogue(transaction);
    if (decision.kind === 'release') await assertNotStaged(transaction, organisationId, id);
    await transaction
      .insert(rollouts)
      .values({ organisationId, updateId: id, ring, ...set, changedAt: now, changedBy: actor })
      .onConflictDoUpdate({
        target: [rollouts.organisationId, rollouts.updateId],
        set: { ...set, changedAt: now, changedBy: actor },
      });
    const { kind, ...detail } = decision;
    await writeAudit(transaction, entryOf(who, `update.${kind}`, id, detail));
    await announce(transaction, organisationId, 'updates', [id]);
  });
}

/** The rings of its plan decide, until it is everywhere or withdrawn. */
async function assertNotStaged(orm: Pick<Orm, 'select'>, organisationId: string, id: string): Promise<void> {
  const [staged] = await orm
    .select({ rollout: rollouts.stagedRolloutId })
    .from(rollouts)
    .where(
      and(
        eq(rollouts.organisationId, organisationId),
        eq(rollouts.updateId, id),
        isNotNull(rollouts.audience),
      ),
    );
  if (staged === undefined) return;
  const message = `the update is on its way by the roll-out ${staged.rollout}: go on, halt or withdraw that one`;
  throw new ServiceError('conflict', message);
}

function changeOf(decision: Decision, now: Date) {
  if (decision.kind === 'release') return { ring: decision.ring };
  if (decision.kind === 'withdraw') return { withdrawnAt: now, reason: decision.reason };
  return { withdrawnAt: null, reason: null };
}
