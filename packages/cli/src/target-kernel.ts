// From what the user calls a kernel to the one kernel meant. A kernel in the cache is found without asking apt.

import { type KernelIdentity, listFetchedKernels, resolveKernel, systemApt } from '@resplice/build';

/** `spec` as for `resplice kernel fetch`; undefined means the running kernel. */
export async function findKernel(spec: string | undefined): Promise<KernelIdentity> {
  return resolveKernel(spec, systemApt(), { fetched: await listFetchedKernels() });
}
