import { z } from 'zod';
import { Moment } from './value.js';

/** An update as the repository has it, and what the organisation decided about it. */
export const UpdateStanding = z.object({
  id: z.string(),
  description: z.string(),
  cves: z.array(z.string()),
  ring: z.number().describe('released to the rings up to this one; -1 to none'),
  withdrawnAt: Moment.nullable(),
  reason: z.string().nullable(),
  changedBy: z.string().nullable(),
  applied: z.number(),
  available: z.number(),
  failed: z.number().describe('machines on which it failed or was refused'),
  kernels: z.array(
    z.object({
      path: z.string(),
      release: z.string(),
      version: z.string(),
      buildId: z.string(),
      engine: z.string(),
      requires: z.array(z.string()),
      length: z.number(),
      sha256: z.string(),
      publishedAt: Moment,
      goneAt: Moment.nullable(),
    }),
  ),
});
export type UpdateStanding = z.infer<typeof UpdateStanding>;
