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
import {
  accept,
  InputError,
  InternalError,
  type Reason,
  refuse,
  silentProgress,
  type Verdict,
  withStage,
} from '@resplice/report';
import type { Update } from '@resplice/update';
import type { WorkOptions } from '../debian/store.js';
import { ToolClock } from '../debian/tool-clock.js';
import { parsePatch } from '../patch/diff-parser.js';
import type { PatchFile } from '../patch/patch-model.js';
import { parseKernelConfig } from '../tree/kernel-config.js';
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
import type { KernelModel } from './kernel-model.js';
import { buildCore, buildModule } from './module-file.js';
import { withRules } from './ruled-tree.js';
import {
  findChangedAside,
  keepChanged,
  type PatchedSources,
  patchSources,
  withPatchedSlot,
} from './sources.js';
import type { TypeFinding } from './type-finding.js';
import { openWorkshop, type Workshop } from './workshop.js';

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
  /** auto when absent. */
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

/**
 * Turns patches into an update of one kernel.
 * @param options.workshop the kernel that `request` names, when it is ready already
 */
export async function createUpdate(
  request: CreateRequest,
  options: WorkOptions & { readonly workshop?: Workshop } = {},
): Promise<Verdict<CreatedUpdate>> {
  const start = performance.now();
  const clock = new ToolClock();
  const made = await clock.measure(() => makeByEngine(request, options));
  if (!made.ok) return made;
  const statistics = {
    objects: made.value.objects,
    milliseconds: performance.now() - start,
    toolMilliseconds: clock.milliseconds,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
  };
  return accept({ update: made.value.update, statistics });
}

interface MadeUpdate {
  readonly update: Update;
  readonly objects: number;
}

async function makeByEngine(
  request: CreateRequest,
  { workshop: given, ...options }: WorkOptions & { readonly workshop?: Workshop },
): Promise<Verdict<MadeUpdate>> {
  const workshop = given ?? (await openWorkshop(request, options));
  const config = parseKernelConfig(await readFile(workshop.kernel.config, 'utf8'));
  const wanted = request.engine ?? 'auto';
  const lower = request.on.map(({ manifest }) => manifest);
  const first = chooseEngine(wanted, config.get('CONFIG_LIVEPATCH') === 'y', lower);
  const context = { request, workshop, options };
  const made = await makeUpdate(context, first);
  const again = made.ok ? undefined : chooseAgain(wanted, first, made.reasons);
  return again === undefined ? made : makeUpdate(context, again);
}

interface Context {
  readonly request: CreateRequest;
  readonly workshop: Workshop;
  readonly options: WorkOptions;
}

/** Everything that depends on the engine. */
async function makeUpdate(
  { request, workshop, options }: Context,
  choice: EngineChoice,
): Promise<Verdict<MadeUpdate>> {
  const { engine } = choice;
  const { kernel, tree } = workshop;
  const comparison = await comparePatched(workshop, { ...request, engine }, options);
  if (!comparison.ok) return comparison;
  const { model, patches, compared, objects, notBuilt, findings } = comparison.value;
  if (compared.length === 0) {
    const found =
      objects.length === 0 ? 'no object includes a changed line' : `compared: ${objects.join(', ')}`;
    return refuse([{ code: 'patch-changes-no-code', subject: {}, found }]);
  }
  const description = request.description ?? defaultDescription(request);
  const { signal } = options;
  const functions = listFunctions(model, compared);
  const about = { tree, model, engine, compared, description, id: request.id, signal };
  const module = await buildModule({ ...about, functions });
  const isTrampoline = engine === 'trampoline';
  const core = isTrampoline ? await buildCore({ tree, model, signal }) : undefined;
  const plan = isTrampoline ? planJumps(model, compared, request.on, module.offsets) : NO_JUMPS;
  const reasons = [...module.reasons, ...(core?.reasons ?? []), ...plan.reasons];
  if (reasons.length > 0) return refuse(reasons);
  const { jumps } = plan;
  const update = describeUpdate({
    ...{
      request: { ...request, patches },
      kernel,
      tree,
      model,
      compared,
      module,
      core,
      jumps,
      notBuilt,
      description,
      choice,
      findings,
    },
  });
  return accept({ update, objects: objects.length });
}

interface PatchedKernel {
  readonly model: KernelModel;
  /** Those asked for, perhaps with one that corrects them. */
  readonly patches: readonly PatchFile[];
  /** Objects that were compiled. */
  readonly objects: readonly string[];
  readonly compared: readonly ComparedObject[];
  readonly notBuilt: readonly string[];
  /** Types that the patch changes. */
  readonly findings: readonly TypeFinding[];
}

type EngineCreateRequest = CreateRequest & { readonly engine: Engine };

/**
 * A patch that makes types larger is tried once more with the new members where objects that exist have room. Of a header that many include,
 * the sources of the patch itself are asked first: a member that moves others would have all their users compiled.
 */
async function comparePatched(
  workshop: Workshop,
  request: EngineCreateRequest,
  options: WorkOptions,
): Promise<Verdict<PatchedKernel>> {
  const first = await compareOnce(workshop, request, { ...options, typesFirst: true });
  const { correction } = first;
  if (first.verdict.ok || correction === undefined) return first.verdict;
  const corrected = { ...request, patches: [...request.patches, correction] };
  const second = await compareCorrected(workshop, corrected, options);
  // When the types fit now, what remains are the reasons that count.
  if (second !== undefined && !hasTypeReason(second)) return second;
  return first.early === true ? (await compareOnce(workshop, request, options)).verdict : first.verdict;
}

/** Undefined when the correction does not compile: a member that goes may be of a type that goes as well. */
async function compareCorrected(
  workshop: Workshop,
  request: EngineCreateRequest,
  options: WorkOptions,
): Promise<Verdict<PatchedKernel> | undefined> {
  try {
    return (await compareOnce(workshop, request, options)).verdict;
  } catch (error) {
    if (error instanceof InputError && error.code === 'does-not-compile') return undefined;
    throw error;
  }
}

/** The author deals with types himself. */
function handlesTypes(sources: PatchedSources): boolean {
  return [...sources.values()].some(({ after }) =>
    Buffer.from(after ?? []).includes('RESPLICE_HANDLES_TYPE'),
  );
}

function hasTypeReason(verdict: Verdict<PatchedKernel>): boolean {
  const codes = verdict.ok ? [] : verdict.reasons.map(({ code }) => code);
  return codes.includes('changed-type-layout') || codes.includes('type-needs-initial-value');
}

interface ComparedOnce {
  readonly verdict: Verdict<PatchedKernel>;
  readonly correction?: PatchFile | undefined;
  /** Types were asked, and nothing else was compared. */
  readonly early?: boolean;
}

/** More objects than this may include a changed header before types are asked first. */
const FEW_INCLUDERS = 12;
/** Sources of the patch that are asked. */
const MAX_ASKED = 4;

/** Finds what the patch affects, compiles and compares it; parses the kernel while compilers run. */
async function compareOnce(
  workshop: Workshop,
  request: EngineCreateRequest,
  { typesFirst, ...options }: WorkOptions & { readonly typesFirst?: boolean },
): Promise<ComparedOnce> {
  const progress = options.progress ?? silentProgress;
  const { tree } = workshop;
  const lower = request.on.flatMap(readLowerPatches);
  const sources = await patchSources(tree, [...lower, ...request.patches]);
  const mine = new Map(
    [...sources].filter(([path]) => request.patches.some((patch) => touches(patch, path))),
  );
  const affected = await findAffected(tree, mine);
  if (affected.reasons.length > 0) return { verdict: refuse(affected.reasons) };
  const { direct, rules, newSources } = affected;
  if (direct.length + affected.including.length + rules.length === 0)
    return { verdict: refuse([nothingBuilt([...affected.notBuilt, ...newSources])]) };
  return withPatchedSlot(tree, sources, options, async (slot) => {
    const patched = await withRules(tree, slot, affected, options);
    if (patched.reasons.length > 0) return { verdict: refuse(patched.reasons) };
    const { notBuilt } = patched;
    if (typesFirst === true && affected.including.length > FEW_INCLUDERS && !handlesTypes(mine)) {
      const sourceOf = (name: string) => tree.database.find(name)?.source ?? name;
      const asked = affected.direct.slice(0, MAX_ASKED).map((name) => [name, sourceOf(name)] as const);
      const early = await judgeTypes(tree, slot, { sources: mine, compared: [], objects: asked }, options);
      const { correction } = early;
      if (correction !== undefined) return { verdict: refuse(early.reasons), correction, early: true };
    }
    const including = await keepChanged(tree, slot, mine, affected, options);
    const isAside = (object: string) => patched.tree.database.find(object)?.place === 'aside';
    const aside = await findChangedAside(tree, slot, including.filter(isAside), options);
    if (aside.length > 0) return { verdict: refuse(aside) };
    const objects = [...new Set([...direct, ...patched.objects, ...including])].filter(
      (object) => !isAside(object),
    );
    if (objects.length === 0 && affected.including.length === 0)
      return { verdict: refuse([nothingBuilt(notBuilt)]) };
    const wasBuilt = ({ name }: ComparedObject) => tree.database.find(name) !== undefined;
    const label = objects.length === 1 ? (objects[0] ?? '') : `${objects.length} objects`;
    const model = workshop.openModel();
    const manifests = request.on.map(({ manifest }) => manifest);
    const { engine } = request;
    const compare = (below: Slot | undefined) =>
      compareObjects(
        { tree, patched: patched.tree, model, objects, slot, below, lower: manifests, engine },
        options,
      );
    const { compared, reasons } = await withStage(progress, 'compile', label, async () =>
      lower.length === 0
        ? compare(undefined)
        : withPatchedSlot(tree, await patchSources(tree, lower), options, compare),
    );
    const types = await judgeTypes(
      tree,
      slot,
      { sources: mine, compared: compared.filter(wasBuilt) },
      options,
    );
    const all = [...reasons, ...types.reasons, ...judgeEngines(engine, compared, manifests)];
    if (all.length > 0) return { verdict: refuse(all), correction: types.correction };
    const { findings } = types;
    const { patches } = request;
    const value = { model: await model, patches, objects, compared, notBuilt, findings };
    return { verdict: accept(value) };
  });
}

function nothingBuilt(notBuilt: readonly string[]): Reason {
  return { code: 'patch-changes-nothing-built', subject: {}, found: `not built: ${notBuilt.join(', ')}` };
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
