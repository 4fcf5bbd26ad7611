// Finds what the patches affect, compiles it before and after, and compares it. A patch that only makes types larger is compared a second
// time, corrected so that new members lie where existing objects have room.

import { createHash } from 'node:crypto';
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
import type { UnloadedModule, Update } from '@resplice/update';
import type { WorkOptions } from '../debian/store.js';
import { parsePatch } from '../patch/diff-parser.js';
import type { PatchFile } from '../patch/patch-model.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { Slot } from '../tree/slot.js';
import { type AffectedObjects, findAffected } from './affected.js';
import type { ComparedObject } from './compare.js';
import { compareObjects } from './compare-all.js';
import { judgeEngine } from './engine-choice.js';
import { listUnloaded } from './fresh-modules.js';
import { judgeTypes } from './judge-types.js';
import type { KernelModel } from './kernel-model.js';
import { judgeNumbers, judgeRemade, withRules } from './ruled-tree.js';
import {
  checkOwnSources,
  findChangedAside,
  findMentioning,
  keepChanged,
  type PatchedSources,
  patchSources,
  withPatchedSlot,
} from './sources.js';
import type { TypeFinding } from './type-finding.js';
import type { Workshop } from './workshop.js';

/** More objects than this may include a changed header before the patch's own sources are asked whether they compile, and for types. */
const FEW_INCLUDERS = 12;
/** A type that does not fit is not compiled into more objects than this only to say more of it: that would take an hour. */
const MANY_REACHED = 100;
/** Nor into these, though all of them be of modules that might be required not to be loaded. */
const TOO_MANY_REACHED = 1000;
/** Sources of the patch that are asked. */
const MAX_ASKED = 4;

export interface PatchedKernel {
  readonly model: KernelModel;
  /** Those asked for, perhaps with one that corrects them. */
  readonly patches: readonly PatchFile[];
  /** Objects that were compiled. */
  readonly objects: readonly string[];
  readonly compared: readonly ComparedObject[];
  readonly notBuilt: readonly string[];
  /** Types that the patch changes. */
  readonly findings: readonly TypeFinding[];
  /** Modules that must not be loaded before the update is applied. */
  readonly unloaded: readonly UnloadedModule[];
}

export interface ComparisonOrder {
  readonly patches: readonly PatchFile[];
  /** Updates that will be active below, lowest first. */
  readonly on: readonly Update[];
  readonly engine: Engine;
  /** No module may be required not to be loaded. */
  readonly unconditional?: boolean;
  /** What livepatch cannot do may be left to the other engine. */
  readonly mayChangeEngine?: boolean;
}

/**
 * A patch that makes types larger is tried once more with the new members where objects that exist have room. Of a header that many include,
 * the sources of the patch itself are asked first: a member that moves others would have all their users compiled.
 */
export async function comparePatched(
  workshop: Workshop,
  request: ComparisonOrder,
  options: WorkOptions,
): Promise<Verdict<PatchedKernel>> {
  const first = await compareOnce(workshop, request, { ...options, typesFirst: true });
  const { correction } = first;
  if (correction === undefined) return first.verdict;
  const corrected = { ...request, patches: [...request.patches, correction] };
  const second = await compareCorrected(workshop, corrected, options);
  // When the types fit now, what remains are the reasons that count.
  if (second !== undefined && isBetter(second, first.verdict)) return second;
  return first.early === true ? (await compareOnce(workshop, request, options)).verdict : first.verdict;
}

/** An update that needs no module unloaded is better than one that does, and that is better than none. */
function isBetter(second: Verdict<PatchedKernel>, first: Verdict<PatchedKernel>): boolean {
  if (!first.ok) return !hasTypeReason(second);
  return second.ok && second.value.unloaded.length < first.value.unloaded.length;
}

/** Undefined when the correction does not compile: a member that goes may be of a type that goes as well. */
async function compareCorrected(
  workshop: Workshop,
  request: ComparisonOrder,
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

/** Finds what the patch affects, compiles and compares it; parses the kernel while compilers run. */
async function compareOnce(
  workshop: Workshop,
  request: ComparisonOrder,
  { typesFirst, ...options }: WorkOptions & { readonly typesFirst?: boolean },
): Promise<ComparedOnce> {
  const { tree } = workshop;
  const lower = request.on.flatMap(readLowerPatches);
  const sources = await patchSources(tree, [...lower, ...request.patches]);
  const mine = new Map(
    [...sources].filter(([path]) => request.patches.some((patch) => touches(patch, path))),
  );
  const affected = await findAffected(tree, mine);
  if (affected.reasons.length > 0) return { verdict: refuse(affected.reasons) };
  const { direct, including: includers, rules, generating, listings, newSources } = affected;
  if (direct.length + includers.length + rules.length + generating.size + listings.length === 0)
    return { verdict: refuse([nothingBuilt([...affected.notBuilt, ...newSources])]) };
  return withPatchedSlot(tree, sources, options, async (slot) => {
    const remade = await judgeRemade(tree, slot, affected, options);
    if (remade.length > 0) return { verdict: refuse(remade) };
    const patched = await withRules(tree, slot, affected, options);
    if (patched.reasons.length > 0) return { verdict: refuse(patched.reasons) };
    if (typesFirst === true && direct.length > 0 && includers.length > FEW_INCLUDERS)
      await checkOwnSources(patched.tree, slot, direct, options);
    const ask = (mayRequireUnloaded: boolean) =>
      askTypesFirst(tree, slot, { sources: mine, affected, mayRequireUnloaded }, options);
    const early = typesFirst === true ? await ask(false) : undefined;
    if (early?.correction !== undefined) return early;
    const question = hashSources(sources, mine);
    const mentioning = await workshop.recall(`mentioning ${question}`, () =>
      findMentioning(tree, slot, mine, affected, options),
    );
    const reached = mentioning.objects.size + mentioning.candidates.size;
    if (reached > MANY_REACHED) {
      const mayRequireUnloaded = mayBeFresh(request) && reached <= TOO_MANY_REACHED;
      const unfit = typesFirst === true && !mayRequireUnloaded ? early : await ask(mayRequireUnloaded);
      if (unfit !== undefined) return early ?? unfit;
    }
    const including = await workshop.recall(`including ${question}`, () =>
      keepChanged(tree, slot, mentioning, options),
    );
    const isAside = (object: string) => patched.tree.database.find(object)?.place === 'aside';
    const aside = await findChangedAside(tree, slot, including.filter(isAside), options);
    if (aside.reasons.length > 0) return { verdict: refuse(aside.reasons) };
    const all = new Set([...direct, ...patched.objects, ...including]);
    const objects = [...all].filter((object) => !isAside(object));
    const notBuilt = [...patched.notBuilt, ...aside.idle];
    const compared =
      objects.length === 0 && includers.length === 0
        ? { verdict: refuse([nothingBuilt(notBuilt)]) }
        : await compareIn(workshop, request, { ...patched, notBuilt, slot, sources: mine, objects }, options);
    // A type that does not fit says more than the numbers that change with it.
    if (!compared.verdict.ok && objects.length > 0) return compared;
    const numbers = await judgeNumbers(tree, slot, affected, options);
    return numbers.length === 0 ? compared : { ...compared, verdict: refuse(numbers) };
  });
}

function hashSources(sources: PatchedSources, mine: PatchedSources): string {
  const hash = createHash('sha256');
  for (const [path, { after }] of sources)
    hash.update(`${path}\0${mine.has(path)}\0${after?.length}\0`).update(after ?? '');
  return hash.digest('hex');
}

/** A jump can only be written into a module that is loaded. */
function mayBeFresh({ engine, unconditional = false }: ComparisonOrder): boolean {
  return engine === 'livepatch' && !unconditional;
}

interface TypeQuestion {
  readonly sources: PatchedSources;
  readonly affected: AffectedObjects;
  readonly mayRequireUnloaded: boolean;
}

/** Of a header that many include, whether the patch's own sources find a change of a type that existing objects do not have. */
async function askTypesFirst(
  tree: PreparedTree,
  slot: Slot,
  { sources, affected, mayRequireUnloaded }: TypeQuestion,
  options: WorkOptions,
): Promise<ComparedOnce | undefined> {
  const { direct, including } = affected;
  if (including.length <= FEW_INCLUDERS || handlesTypes(sources)) return undefined;
  const sourceOf = (name: string) => tree.database.find(name)?.source ?? name;
  const objects = direct.slice(0, MAX_ASKED).map((name) => [name, sourceOf(name)] as const);
  const { reasons, correction } = await judgeTypes(
    tree,
    slot,
    { sources, compared: [], objects, mayRequireUnloaded },
    options,
  );
  return reasons.length === 0 ? undefined : { verdict: refuse(reasons), correction, early: true };
}

interface PatchedState {
  /** The tree as the patched build rules have it. */
  readonly tree: PreparedTree;
  readonly slot: Slot;
  /** What the patches themselves change. */
  readonly sources: PatchedSources;
  readonly objects: readonly string[];
  readonly notBuilt: readonly string[];
}

async function compareIn(
  workshop: Workshop,
  order: ComparisonOrder,
  { tree: patched, slot, sources, objects, notBuilt }: PatchedState,
  options: WorkOptions,
): Promise<ComparedOnce> {
  const { patches, on, engine, mayChangeEngine = false } = order;
  const { tree } = workshop;
  const model = workshop.openModel();
  const lower = on.map(({ manifest }) => manifest);
  const below = on.flatMap(readLowerPatches);
  const compare = (belowSlot: Slot | undefined) =>
    compareObjects(
      {
        tree,
        patched,
        model,
        objects,
        slot,
        below: belowSlot,
        lower,
        engine,
        mayBeFresh: mayBeFresh(order),
        mayChangeEngine,
      },
      options,
    );
  const label = objects.length === 1 ? (objects[0] ?? '') : `${objects.length} objects`;
  const { compared, reasons } = await withStage(
    options.progress ?? silentProgress,
    'compile',
    label,
    async () =>
      below.length === 0
        ? compare(undefined)
        : withPatchedSlot(tree, await patchSources(tree, below), options, compare),
  );
  const built = compared.filter(({ name }) => tree.database.find(name) !== undefined);
  const types = await judgeTypes(
    tree,
    slot,
    { sources, compared: built, mayRequireUnloaded: mayBeFresh(order) },
    options,
  );
  const all = [...reasons, ...types.reasons, ...judgeEngine(engine, compared, lower)];
  if (all.length > 0) return { verdict: refuse(all), correction: types.correction };
  const { findings, correction } = types;
  const unloaded = listUnloaded(compared, findings);
  const value = { model: await model, patches, objects, compared, notBuilt, findings, unloaded };
  return { verdict: accept(value), correction };
}

function nothingBuilt(notBuilt: readonly string[]): Reason {
  return { code: 'patch-changes-nothing-built', subject: {}, found: `not built: ${notBuilt.join(', ')}` };
}

export function readLowerPatches(update: Update): readonly PatchFile[] {
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
