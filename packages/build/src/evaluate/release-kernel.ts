// The kernel whose older source a release starts from, ready to compile for, and the place where what is found out about it is kept.

import { join } from 'node:path';
import { InputError } from '@resplice/report';
import { openWorkshop, type Workshop } from '../create/workshop.js';
import { systemApt } from '../debian/apt.js';
import { listFetchedKernels } from '../debian/fetch-kernel.js';
import { resolveKernel } from '../debian/resolve-kernel.js';
import { cacheRoot, type WorkOptions } from '../debian/store.js';

export interface ReleaseRange {
  readonly from: string;
  readonly to: string;
  /** A kernel of version `from`; the plain amd64 one when left out. */
  readonly kernel?: string;
  /** Where results are kept; a place in the cache when left out. */
  readonly work?: string;
}

export interface ReleaseKernel {
  readonly workshop: Workshop;
  /** As `create` wants it: `6.1.0-47-amd64=6.1.170-3`. */
  readonly spec: string;
  /** For results. */
  readonly directory: string;
}

/** Fetches and prepares the kernel that the units of a release are for. */
export async function openReleaseKernel(range: ReleaseRange, options: WorkOptions): Promise<ReleaseKernel> {
  const { from, to } = range;
  const identity = await resolveKernel(range.kernel ?? from, systemApt(), {
    fetched: await listFetchedKernels(options),
  });
  if (identity.version !== from) {
    throw new InputError(
      'wrong-kernel',
      `${identity.release} is of version ${identity.version}; the units are for ${from}: name a kernel of that version with --kernel`,
    );
  }
  const spec = `${identity.release}=${identity.version}`;
  const workshop = await openWorkshop({ kernel: spec }, options);
  const name = `${from}_${to}_${identity.release}`.replace(/[^\w.+-]/g, '_');
  const directory = range.work ?? join(options.cache ?? cacheRoot(), 'evaluations', name);
  return { workshop, spec, directory };
}
