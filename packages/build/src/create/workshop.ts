// A kernel that is ready to make updates of. Many updates of one kernel, one after the other or at a time, share it: its image, symbols and
// types are parsed once.

import { systemApt } from '../debian/apt.js';
import { type FetchedKernel, fetchKernel, listFetchedKernels } from '../debian/fetch-kernel.js';
import { resolveKernel } from '../debian/resolve-kernel.js';
import type { WorkOptions } from '../debian/store.js';
import { type PreparedTree, prepareTree } from '../tree/prepare-tree.js';
import { type KernelModel, loadKernelModel } from './kernel-model.js';

export interface Workshop {
  readonly kernel: FetchedKernel;
  readonly tree: PreparedTree;
  /** A model for one update; the modules that it reads are its own, and go with it. */
  readonly openModel: () => Promise<KernelModel>;
}

export interface WorkshopRequest {
  /** Release, package version or undefined for the running kernel. */
  readonly kernel: string | undefined;
  /** A compiler to use though the kernel names another. */
  readonly compiler?: string;
}

/** Fetches and prepares what is not in the cache. */
export async function openWorkshop(request: WorkshopRequest, options: WorkOptions): Promise<Workshop> {
  const identity = await resolveKernel(request.kernel, systemApt(), {
    fetched: await listFetchedKernels(options),
  });
  const kernel = await fetchKernel(identity, options);
  const compilerOverride = request.compiler === undefined ? {} : { compilerOverride: request.compiler };
  return equipWorkshop(kernel, await prepareTree(kernel, { ...options, ...compilerOverride }));
}

/** The workshop of a kernel that is prepared already. */
export function equipWorkshop(kernel: FetchedKernel, tree: PreparedTree): Workshop {
  let parsed: Promise<KernelModel> | undefined;
  const openModel = async () => {
    parsed ??= loadKernelModel(kernel);
    return (await parsed).fork();
  };
  return { kernel, tree, openModel };
}
