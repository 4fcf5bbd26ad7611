// Candidates and cumulative updates of one kernel.

import { and, eq, type SQL } from 'drizzle-orm';
import type { factoryCandidates, factoryCumulatives } from './tables.js';

export interface KernelName {
  readonly kernelRelease: string;
  readonly kernelVersion: string;
}

/** Rows of the organisation for this kernel, of either table. */
export function ofKernel(
  table: typeof factoryCandidates | typeof factoryCumulatives,
  { organisationId }: { readonly organisationId: string },
  { kernelRelease, kernelVersion }: KernelName,
): SQL | undefined {
  return and(
    eq(table.organisationId, organisationId),
    eq(table.kernelRelease, kernelRelease),
    eq(table.kernelVersion, kernelVersion),
  );
}
