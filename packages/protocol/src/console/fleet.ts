import { z } from 'zod';
import { FleetStanding } from './fleet-history.js';
import { Moment } from './value.js';

const Counts = z.record(z.string(), z.number());

export const FleetSummary = z.object({
  machines: z.number(),
  byState: Counts,
  byStatus: Counts,
  byHealth: Counts,
  silent: z.number(),
  conflicts: z.number(),
  standing: FleetStanding.describe('active machines, each counted once'),
  kernels: z.array(
    z.object({
      release: z.string(),
      version: z.string(),
      buildId: z.string(),
      machines: z.number(),
      uptodate: z.number(),
    }),
  ),
  effective: z
    .array(z.object({ release: z.string(), machines: z.number() }))
    .describe('active machines by the release whose security fixes their kernels have'),
  repository: z
    .object({
      verifiedAt: Moment.nullable(),
      problem: z.string().nullable(),
      rootSha256: z.string().nullable(),
    })
    .nullable(),
});
export type FleetSummary = z.infer<typeof FleetSummary>;

export const CveStanding = z.object({
  cve: z.string(),
  updates: z.array(z.string()),
  fixed: z.number(),
  open: z.number(),
});
export type CveStanding = z.infer<typeof CveStanding>;
