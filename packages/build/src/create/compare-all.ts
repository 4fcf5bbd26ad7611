// Compiles what a patch affects, in all states, and compares it: in batches, so that a patch to a header that thousands of objects
// include needs no more memory than one to a single file. Objects whose code stays the same are forgotten at once.

import {
  type Engine,
  encodeObject,
  findMoved,
  hasEffect,
  isPlainText,
  type Migration,
  type ObjectFile,
  parseObject,
} from '@resplice/engine';
import { InternalError, type ProgressSink, type Reason } from '@resplice/report';
import type { Manifest } from '@resplice/update';
import type { WorkOptions } from '../debian/store.js';
import { SECTION_FLAGS } from '../tree/compile-objects.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { Slot } from '../tree/slot.js';
import { type ComparedObject, compareObject, type ObjectVersions } from './compare.js';
import type { KernelModel } from './kernel-model.js';
import { customCodeFlags } from './kmod-source.js';
import { hasModuleFlags, isAssembly, objectFlags } from './object-flags.js';
import { compilePatched, compileShipped, type Flags } from './sources.js';

/** Objects in memory at once; each takes a megabyte or two, before and after. */
const BATCH = 48;

export interface ComparisonRequest {
  readonly tree: PreparedTree;
  /** With the commands of the patched build rules. */
  readonly patched: PreparedTree;
  readonly model: Promise<KernelModel>;
  readonly objects: readonly string[];
  /** Holds the patched sources. */
  readonly slot: Slot;
  /** Holds the sources with the patches of the updates below; undefined when there are none. */
  readonly below: Slot | undefined;
  readonly lower: readonly Manifest[];
  readonly engine: Engine;
  /** Modules may be required not to be loaded. */
  readonly mayBeFresh: boolean;
  /** The engine is livepatch, and may become the other one. */
  readonly mayChangeEngine: boolean;
}

export interface ComparedObjects {
  readonly compared: readonly ComparedObject[];
  readonly reasons: readonly Reason[];
}

/** What a new object is compared with. */
const NO_OBJECT = parseObject(encodeObject({ sections: [], symbols: [], relocations: [] }), 'no object');

/** Compares every object in every kernel object it is linked into. */
export async function compareObjects(
  request: ComparisonRequest,
  options: WorkOptions,
): Promise<ComparedObjects> {
  const compared: ComparedObject[] = [];
  const reasons: Reason[] = [];
  const migrations = new Map<string, Migration[]>();
  for (let start = 0; start < request.objects.length; start += BATCH) {
    const batch = request.objects.slice(start, start + BATCH);
    const progress = shiftProgress(options.progress, start, request.objects.length);
    const versions = await compileVersions(request, batch, {
      ...options,
      ...(progress === undefined ? {} : { progress }),
    });
    const model = await request.model;
    for (const version of versions) {
      const modules = request.patched.database.find(version.name)?.modules ?? [];
      for (const owner of modules.length === 0 ? ['vmlinux'] : modules) {
        if (owner !== 'vmlinux') await model.loadModule(owner);
        const result = compareObject(model, owner, version, request);
        reasons.push(...result.reasons);
        migrations.set(owner, [...(migrations.get(owner) ?? []), result.migration]);
        if (result.compared !== undefined) compared.push(result.compared);
      }
    }
    model.keepModules(new Set(compared.map(({ owner }) => owner)));
  }
  for (const ofOwner of migrations.values()) reasons.push(...findMoved(ofOwner));
  // What is new and used by nothing that runs is no update.
  if (!compared.some(({ diff }) => hasEffect(diff))) return { compared: [], reasons };
  // Code of modules may count on what hooks of the kernel itself have done.
  compared.sort((a, b) => Number(a.owner !== 'vmlinux') - Number(b.owner !== 'vmlinux'));
  return { compared, reasons };
}

/**
 * Objects of modules and of assembly files are compiled with flags of their own, before and after; the shipped object is then only there to be
 * matched with the shipped kernel, as under a lower update.
 */
async function compileVersions(
  request: ComparisonRequest,
  objects: readonly string[],
  options: WorkOptions,
): Promise<readonly ObjectVersions[]> {
  const { tree, patched: patchedTree } = request;
  const isNew = (object: string) => tree.database.find(object) === undefined;
  const known = objects.filter((object) => !isNew(object));
  const inModules = objects.filter((object) => hasModuleFlags(patchedTree, object));
  const assembly = await findPlainText(tree, known, options);
  const others = objects.filter((object) => !inModules.includes(object) && !assembly.includes(object));
  const flagsOf = async (kind: 'module' | 'assembly', some: readonly string[]) =>
    some.length === 0 ? [] : objectFlags(tree, kind);
  const [ofModules, ofAssembly] = [await flagsOf('module', inModules), await flagsOf('assembly', assembly)];
  const [shipped, plain, flagged, separated] = await Promise.all([
    compileShipped(tree, known, options),
    compilePair(request, others, options),
    compilePair(request, inModules, { ...options, extraFlags: ofModules }),
    compilePair(request, assembly, { ...options, extraFlags: ofAssembly }),
  ]);
  const pairOf = (name: string) => {
    if (inModules.includes(name)) return flagged;
    return assembly.includes(name) ? separated : plain;
  };
  return objects.map((name) => {
    const { below, patched } = pairOf(name);
    const [before, after] = [isNew(name) ? NO_OBJECT : shipped.get(name), patched.get(name)];
    if (before === undefined || after === undefined) {
      throw new InternalError('not-compiled', `${name} was not compiled`);
    }
    const source = patchedTree.database.find(name)?.source ?? name;
    return { name, source, shipped: before, below: below?.get(name), patched: after };
  });
}

/** Objects of assembly files whose functions can have sections of their own. */
async function findPlainText(
  tree: PreparedTree,
  objects: readonly string[],
  options: WorkOptions,
): Promise<readonly string[]> {
  const assembly = objects.filter((object) => isAssembly(tree, object));
  if (assembly.length === 0) return [];
  const shipped = await compileShipped(tree, assembly, options);
  return assembly.filter((object) => {
    const file = shipped.get(object);
    return file !== undefined && isPlainText(file);
  });
}

type Objects = ReadonlyMap<string, ObjectFile>;

/** What the patch is compared with, when that is not the shipped object, and the patched object. */
async function compilePair(
  { tree, patched: patchedTree, slot, below }: ComparisonRequest,
  objects: readonly string[],
  options: WorkOptions & Flags,
): Promise<{ readonly below: Objects | undefined; readonly patched: Objects }> {
  if (objects.length === 0) return { below: undefined, patched: new Map() };
  // Patched sources alone may include resplice.h; an unpatched tree has never heard of it.
  const extraFlags = [...(options.extraFlags ?? SECTION_FLAGS), ...(await customCodeFlags())];
  const compileBelow = async () => {
    const known = objects.filter((object) => tree.database.find(object) !== undefined);
    if (below !== undefined) return compilePatched(tree, below, known, { ...options, extraFlags });
    return options.extraFlags === undefined ? undefined : compileShipped(tree, known, options);
  };
  const [patched, lower] = await Promise.all([
    compilePatched(patchedTree, slot, objects, { ...options, extraFlags }),
    compileBelow(),
  ]);
  return { below: lower, patched };
}

/** Counts of one batch as counts of all. */
function shiftProgress(
  progress: ProgressSink | undefined,
  start: number,
  total: number,
): ProgressSink | undefined {
  if (progress === undefined) return undefined;
  return (event) =>
    progress(event.done === undefined ? event : { ...event, done: start + event.done, total });
}
