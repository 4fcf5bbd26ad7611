// How updates reach a fleet: ring after ring, each as large as somebody dares.

import { z } from 'zod';
import { Moment, Name } from '../value.js';

/**
 * Who is in a ring: the machines of its groups, and so many of all machines, picked by chance anew for each roll-out. Whoever is in an earlier ring
 * stays in.
 */
export const RolloutRing = z.object({
  name: Name,
  groups: z.array(Name).max(100).default([]),
  percent: z.number().min(0).max(100).default(0),
  /** From the moment the ring is opened to the next one. */
  waitHours: z.number().min(0).max(2160).default(24),
  /** So many machines must have the update and report good health before the next ring is opened. */
  minMachines: z.number().int().min(0).max(1_000_000).default(1),
});
export type RolloutRing = z.infer<typeof RolloutRing>;

/** How much goes wrong before a roll-out is halted: one machine more than the larger of both numbers. */
export const RolloutGates = z.object({
  tolerate: z.number().int().min(0).max(1_000_000).default(0),
  /** Of the machines in the rings that are open. */
  toleratePercent: z.number().min(0).max(100).default(0),
  /** A machine that was given the update and was never heard of again counts as well. Not for machines that people switch off. */
  lostIsBad: z.boolean().default(false),
});
export type RolloutGates = z.infer<typeof RolloutGates>;

export const RolloutPlanBody = z.object({
  rings: z
    .array(RolloutRing)
    .min(1)
    .max(20)
    .superRefine((rings, context) => {
      if (rings.at(-1)?.percent !== 100)
        context.addIssue({ code: 'custom', message: 'the last ring must be everybody: percent 100' });
      const names = new Set(rings.map(({ name }) => name));
      if (names.size < rings.length) context.addIssue({ code: 'custom', message: 'two rings have one name' });
      for (const [at, { name, groups, percent }] of rings.entries()) {
        if (groups.length === 0 && percent === 0)
          context.addIssue({ code: 'custom', message: `ring ${name} has neither groups nor percent` });
        if (percent > 0 && rings.slice(0, at).some((earlier) => earlier.percent >= percent))
          context.addIssue({
            code: 'custom',
            message: `ring ${name}: percent counts from 0, so it must be more than before`,
          });
      }
    }),
  gates: RolloutGates.default({ tolerate: 0, toleratePercent: 0, lostIsBad: false }),
  /** Published updates begin their way by this plan, once the organisation's `rollout` is `plan`. One plan at most. */
  automatic: z.boolean().default(false),
});
export type RolloutPlanBody = z.infer<typeof RolloutPlanBody>;

export const RolloutPlan = RolloutPlanBody.extend({
  name: Name,
  changedAt: Moment,
  changedBy: z.string(),
});
export type RolloutPlan = z.infer<typeof RolloutPlan>;
