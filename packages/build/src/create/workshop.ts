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
  /** What `ask` answers, or answered the last time: for another engine some of the same is asked again. Only the latest answers are known. */
  readonly recall: <T>(question: string, ask: () => Promise<T>) => Promise<T>;
}

const MOST_RECALLED = 8;

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
  return { kernel, tree, openModel, recall: openMemory(MOST_RECALLED) };
}

/** Keeps so many answers; a question that failed is asked again. */
export function openMemory(most: number): Workshop['recall'] {
  const answers = new Map<string, unknown>();
  return async <T>(question: string, ask: () => Promise<T>): Promise<T> => {
    const answer = answers.has(question) ? (answers.get(question) as T) : await ask();
    // To the end, as the one that was wanted last.
    answers.delete(question);
    answers.set(question, answer);
    for (const oldest of [...answers.keys()].slice(0, -most)) answers.delete(oldest);
    return answer;
  };
}
