// "Paste your `uname -r` and `uname -v`": what a server knows about a stock kernel, for anybody.

import { z } from 'zod';

export const EXPOSURE_PATH = '/api/v1/public/exposure';

export const ExposureQuery = z.object({
  /** uname -r */
  release: z.string().trim().min(1).max(100),
  /** uname -v, or the version of the package in it. */
  version: z.string().trim().max(200).optional(),
});
export type ExposureQuery = z.infer<typeof ExposureQuery>;

export const Exposure = z.object({
  release: z.string(),
  /** Of the package, as far as it could be told. */
  version: z.string().nullable(),
  /** Whether this server knows anything about this kernel. */
  known: z.boolean(),
  /** An update that needs no reboot is published. */
  live: z.array(z.object({ cve: z.string(), updates: z.array(z.string()) })),
  /** Fixed by a later release of the distribution, and by no update yet. */
  reboot: z.array(z.object({ cve: z.string(), fixedIn: z.string() })),
  /** The latest release of this line that the server knows. */
  latest: z.string().nullable(),
});
export type Exposure = z.infer<typeof Exposure>;
