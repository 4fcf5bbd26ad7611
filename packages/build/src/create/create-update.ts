// The main job, from a patch to an update. One stage after the other; what holds behind each:
//   kernel     image, source, headers of exactly this kernel are in the cache
//   tree       any object of it can be compiled as it was when it was shipped
//   patches    every file of the patch is known before and after, or the patch does not apply
//   objects    the list of objects whose text the patch changes is complete
//   compiled   each of them exists before and after
//   compared   the objects before are the shipped code, and what changes is known; all reasons against it are collected
//   types      no type changes in a way that objects which exist cannot bear
//   module     the new code is one loadable module, every symbol of which has its place in the running kernel
//   described  the manifest says all that the applying side has to check
// From `compared` on, the engine decides what is possible; where it may be chosen and the first one cannot do it, these stages run again.
// A refusal is a verdict and comes with all reasons of its stage; nothing is written.

import { readFile } from 'node:fs/promises';
import type { Engine } from '@resplice/engine';
import { accept, InternalError, refuse, silentProgress, type Verdict, withStage } from '@resplice/report';
import type { Update } from '@resplice/update';
import { systemApt } from '../debian/apt.js';
import { type FetchedKernel, fetchKernel, listFetchedKernels } from '../debian/fetch-kernel.js';
import { resolveKernel } from '../debian/resolve-kernel.js';
import type { WorkOptions } from '../debian/store.js';
import { parsePatch } from '../patch/diff-parser.js';
import type { PatchFile } from '../patch/patch-model.js';
import { parseKernelConfig } from '../tree/kernel-config.js';
import { type PreparedTree, prepareTree } from '../tree/prepare-tree.js';
import type { Slot } from '../tree/slot.js';
import { findAffected } from './affected.js';
import type { ComparedObject } from './compare.js';
import { compareObjects } from './compare-all.js';
import { runningName } from './describe.js';
import { defaultDescription, describeUpdate } from './describe-update.js';
import {
  chooseAgain,
  chooseEngine,
  type EngineChoice,
  type EngineRequest,
  judgeEngines,
} from './engine-choice.js';
import { judgeTypes } from './judge-types.js';
import { NO_JUMPS, planJumps } from './jump.js';
import { type KernelModel, loadKernelModel } from './kernel-model.js';
import { buildCore, buildModule } from './module-file.js';
import { findChangedAside, keepChanged, patchSources, withPatchedSlot } from './sources.js';
import { ToolClock } from './timing.js';

export interface CreateRequest {
  /** Release, package version or undefined for the running kernel. */
  readonly kernel: string | undefined;
  readonly patches: readonly PatchFile[];
  readonly cves: readonly string[];
  readonly description: string | undefined;
  readonly id?: string;
  /** Updates that will be active below this one, lowest first. */
  readonly on: readonly Update[];
  /** A compiler to use though the kernel names another. */
  readonly compiler?: string;
  /** livepatch when absent. */
  readonly engine?: EngineRequest;
}

export interface CreateStatistics {
  readonly objects: number;
  readonly milliseconds: number;
  /** Part of `milliseconds` in which gcc, make, objtool or a package tool ran. */
  readonly toolMilliseconds: number;
  /** Of this process, tools not counted. */
  readonly peakMemoryBytes: number;
}

export interface CreatedUpdate {
  readonly update: Update;
  readonly statistics: CreateStatistics;
}

/** Turns patches into an update of one kernel. */
export async function createUpdate(
  request: CreateRequest,
  options: WorkOptions & { readonly clock?: ToolClock } = {},
): Promise<Verdict<CreatedUpdate>> {
  const start = performance.now();
  const clock = options.clock ?? new ToolClock();
  const identity = await resolveKernel(request.kernel, systemApt(), {
    fetched: await listFetchedKernels(options),
  });
  const kernel = await clock.during(() => fetchKernel(identity, options));
  const compilerOverride = request.compiler === undefined ? {} : { compilerOverride: request.compiler };
  const tree = await clock.during(() => prepareTree(kernel, { ...options, ...compilerOverride }));
  const config = parseKernelConfig(await readFile(kernel.config, 'utf8'));
  const wanted = request.engine ?? 'livepatch';
  const lower = request.on.map(({ manifest }) => manifest);
  const first = chooseEngine(wanted, config.get('CONFIG_LIVEPATCH') === 'y', lower);
  const context = { request, kernel, tree, options: { ...options, clock } };
  let made = await makeUpdate(context, first);
  const again = made.ok ? undefined : chooseAgain(wanted, first, made.reasons);
  if (again !== undefined) made = await makeUpdate(context, again);
  if (!made.ok) return made;
  const statistics = {
    objects: made.value.objects,
    milliseconds: performance.now() - start,
    toolMilliseconds: clock.milliseconds,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
  };
  return accept({ update: made.value.update, statistics });
}

interface Context {
  readonly request: CreateRequest;
  readonly kernel: FetchedKernel;
  readonly tree: PreparedTree;
  readonly options: WorkOptions & { readonly clock: ToolClock };
}

/** Everything that depends on the engine. */
async function makeUpdate(
  { request, kernel, tree, options }: Context,
  choice: EngineChoice,
): Promise<Verdict<{ readonly update: Update; readonly objects: number }>> {
  const { engine } = choice;
  const comparison = await comparePatched(tree, kernel, { ...request, engine }, options);
  if (!comparison.ok) return comparison;
  const { model, compared, objects, notBuilt } = comparison.value;
  if (compared.length === 0) {
    const found =
      objects.length === 0 ? 'no object includes a changed line' : `compared: ${objects.join(', ')}`;
    return refuse([{ code: 'patch-changes-no-code', subject: {}, found }]);
  }
  const description = request.description ?? defaultDescription(request);
  const { clock, signal } = options;
  const functions = listFunctions(model, compared);
  const about = { tree, model, engine, compared, description, id: request.id, clock, signal };
  const module = await buildModule({ ...about, functions });
  const isTrampoline = engine === 'trampoline';
  const core = isTrampoline ? await buildCore({ tree, model, clock, signal }) : undefined;
  const plan = isTrampoline ? planJumps(model, compared, request.on, module.offsets) : NO_JUMPS;
  const reasons = [...module.reasons, ...(core?.reasons ?? []), ...plan.reasons];
  if (reasons.length > 0) return refuse(reasons);
  const { jumps } = plan;
  const update = describeUpdate({
    ...{ request, kernel, tree, model, compared, module, core, jumps, notBuilt, description, choice },
  });
  return accept({ update, objects: objects.length });
}

interface PatchedKernel {
  readonly model: KernelModel;
  /** Objects that were compiled. */
  readonly objects: readonly string[];
  readonly compared: readonly ComparedObject[];
  readonly notBuilt: readonly string[];
}

/** Finds what the patch affects, compiles and compares it; parses the kernel while compilers run. */
async function comparePatched(
  tree: PreparedTree,
  kernel: FetchedKernel,
  request: CreateRequest & { readonly engine: Engine },
  options: WorkOptions & { readonly clock: ToolClock },
): Promise<Verdict<PatchedKernel>> {
  const progress = options.progress ?? silentProgress;
  const { clock } = options;
  const lower = request.on.flatMap(readLowerPatches);
  const sources = await patchSources(tree, [...lower, ...request.patches]);
  const mine = new Map(
    [...sources].filter(([path]) => request.patches.some((patch) => touches(patch, path))),
  );
  const affected = await clock.during(() => findAffected(tree, mine));
  const { notBuilt } = affected;
  if (affected.reasons.length > 0) return refuse(affected.reasons);
  if (affected.direct.length + affected.including.length === 0) {
    return refuse([
      { code: 'patch-changes-nothing-built', subject: {}, found: `not built: ${notBuilt.join(', ')}` },
    ]);
  }
  return withPatchedSlot(tree, sources, options, async (slot) => {
    const including = await clock.during(() => keepChanged(tree, slot, mine, affected.including, options));
    const isAside = (object: string) => tree.database.find(object)?.place === 'aside';
    const aside = await clock.during(() => findChangedAside(tree, slot, including.filter(isAside), options));
    if (aside.length > 0) return refuse(aside);
    const objects = [...affected.direct, ...including].filter((object) => !isAside(object));
    const label = objects.length === 1 ? (objects[0] ?? '') : `${objects.length} objects`;
    const model = loadKernelModel(kernel);
    const manifests = request.on.map(({ manifest }) => manifest);
    const { engine } = request;
    const compare = (below: Slot | undefined) =>
      compareObjects({ tree, model, objects, slot, below, lower: manifests, engine, clock }, options);
    const { compared, reasons } = await withStage(progress, 'compile', label, async () =>
      lower.length === 0
        ? compare(undefined)
        : withPatchedSlot(tree, await patchSources(tree, lower), options, compare),
    );
    const against = await clock.during(() => judgeTypes(tree, slot, { sources: mine, compared }, options));
    const all = [...reasons, ...against, ...judgeEngines(engine, compared, manifests)];
    if (all.length > 0) return refuse(all);
    return accept({ model: await model, objects, compared, notBuilt });
  });
}

function readLowerPatches(update: Update): readonly PatchFile[] {
  return update.manifest.patches.map(({ file }) => {
    const bytes = update.files.get(file);
    if (bytes === undefined)
      throw new InternalError(
        'update-incomplete',
        `${update.manifest.id} lists ${file} and does not have it`,
      );
    return parsePatch(bytes, `${update.manifest.id}: ${file}`);
  });
}

function touches(patch: PatchFile, path: string): boolean {
  return patch.files.some((file) =>
    [file.oldPath, file.newPath].some((name) => name === path || name?.endsWith(`/${path}`)),
  );
}

function listFunctions(model: KernelModel, compared: readonly ComparedObject[]) {
  return compared.flatMap(({ owner, diff, match }) =>
    diff.replaced.flatMap(({ before, after }) => {
      const running = model.object(owner);
      const address = match.functions.get(before)?.address;
      const name = address === undefined ? undefined : runningName(running, before.symbols, address);
      if (address === undefined || name === undefined) return [];
      return [{ object: owner, name, position: running.position(name, address) ?? 0, replacement: after }];
    }),
  );
}
