// What a roll-out means for each of its updates at present, written into the row that check-ins are answered from.

import type { Orm } from '../database/database.js';
import { rollouts } from '../database/schema.js';
import { announce } from '../live/announcement.js';
import { bumpCatalogue } from '../update/catalogue.js';
import { LAST_RING } from '../update/desired-state.js';
import { audienceOf } from './audience.js';
import type { StagedRollout } from './evidence.js';

/** In the transaction that changes the roll-out. */
export async function projectRollout(orm: Orm, rollout: StagedRollout, now: Date): Promise<void> {
  const { id, organisationId, updates, changedBy } = rollout;
  const set = { ...effectOf(rollout), stagedRolloutId: id, changedAt: now, changedBy };
  await orm
    .insert(rollouts)
    .values(updates.map((updateId) => ({ organisationId, updateId, ...set })))
    .onConflictDoUpdate({ target: [rollouts.organisationId, rollouts.updateId], set });
  await bumpCatalogue(orm);
  await announce(orm, organisationId, 'rollouts', [id]);
  await announce(orm, organisationId, 'updates', updates);
}

function effectOf({ id, state, ring, rings, halt }: StagedRollout) {
  if (state === 'everywhere') return { ring: LAST_RING, audience: null, takenBack: false };
  if (state === 'withdrawn') return { ring: -1, audience: null, takenBack: false };
  const open = state === 'rolling' ? ring : -1;
  return {
    ring: -1,
    audience: audienceOf(id, rings, open),
    takenBack: state === 'halted' && halt?.takeBack === true,
  };
}
