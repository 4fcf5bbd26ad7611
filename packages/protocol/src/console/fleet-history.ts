// The fleet over time. A sample is taken every quarter of an hour; after a month one of each day is kept.

import { z } from 'zod';
import { Severity } from '../factory/state.js';
import { Moment } from './value.js';

const Count = z.number().int().nonnegative();

/**
 * Where an active machine stands; each is counted once, by the first that is true: `silent` (not heard of for three intervals), `failing` (bad health,
 * a crash loop, an update that failed), `exposed` (an update that is published and not withdrawn is missing), `unsupported` (no update was ever
 * published for its kernel), `safe`.
 */
export const FleetStanding = z.object({
  safe: Count,
  exposed: Count,
  failing: Count,
  silent: Count,
  unsupported: Count,
});
export type FleetStanding = z.infer<typeof FleetStanding>;

export const FleetSample = z.object({
  at: Moment,
  machines: Count,
  standing: FleetStanding,
  /** Active machines by the release whose security they have. */
  effective: z.record(z.string(), Count),
  /** CVEs that an update is published for and that are open on at least one active machine, by the severity that was imported. */
  cvesOpen: z.record(z.enum([...Severity.options, 'unknown']), Count),
});
export type FleetSample = z.infer<typeof FleetSample>;

export const FleetHistory = z.object({
  /** Oldest first. */
  samples: z.array(FleetSample),
  /** Seconds that one sample stands for. */
  step: z.number().int().positive(),
});
export type FleetHistory = z.infer<typeof FleetHistory>;
