// Plans and roll-outs name groups, so a group that one of them names keeps its name: else a ring would silently be empty.

import { and, eq, inArray } from 'drizzle-orm';
import type { Orm } from '../database/database.js';
import { rolloutPlans, stagedRollouts } from '../database/schema.js';
import { ServiceError } from '../failure.js';

/** Throws ServiceError `conflict`. */
export async function assertNotInPlans(
  orm: Pick<Orm, 'select'>,
  organisationId: string,
  group: string,
): Promise<void> {
  const plans = await orm
    .select({ name: rolloutPlans.name, rings: rolloutPlans.rings })
    .from(rolloutPlans)
    .where(eq(rolloutPlans.organisationId, organisationId));
  const staged = await orm
    .select({ name: stagedRollouts.name, rings: stagedRollouts.rings })
    .from(stagedRollouts)
    .where(
      and(
        eq(stagedRollouts.organisationId, organisationId),
        inArray(stagedRollouts.state, ['waiting', 'rolling', 'halted']),
      ),
    );
  const names = ({ rings }: (typeof plans)[number]): boolean =>
    rings.some(({ groups }) => groups.includes(group));
  const [plan, rollout] = [plans.find(names), staged.find(names)];
  if (plan !== undefined)
    throw new ServiceError(
      'conflict',
      `the roll-out plan "${plan.name}" names this group; change the plan first`,
    );
  if (rollout !== undefined)
    throw new ServiceError(
      'conflict',
      `the roll-out "${rollout.name}" goes through this group; wait until it is over`,
    );
}
