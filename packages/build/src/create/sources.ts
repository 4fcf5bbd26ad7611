// The sources in up to three states (shipped, with the updates below, with the new patch) and the objects compiled
// from them. Shipped objects come from the cache; the others are compiled in a work slot.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ObjectFile, parseObject } from '@resplice/engine';
import { type ProgressSink, type Reason, silentProgress, withStage } from '@resplice/report';
import type { WorkOptions } from '../debian/store.js';
import { isMissing } from '../debian/store.js';
import { keepMentioning, type MentioningObjects } from '../header/keep-mentioning.js';
import { affectsCode } from '../header/text-effect.js';
import { compilableText } from '../patch/line-resync.js';
import type { PatchFile } from '../patch/patch-model.js';
import { applyPatches, type PatchedContent } from '../patch/patch-stack.js';
import { checkSyntax, compileObjects } from '../tree/compile-objects.js';
import { compileOriginals } from '../tree/object-cache.js';
import { compileInSlot } from '../tree/patched-objects.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import { findOtherTexts } from '../tree/preprocess.js';
import { openSlot, type Slot } from '../tree/slot.js';
import { customCodeFlags } from './kmod-source.js';
import { findSettledTypes } from './settled-types.js';

/** Path → the file before and after a set of patches. */
export type PatchedSources = ReadonlyMap<string, PatchedContent>;

/** Applies patches to the shipped sources, in memory. */
export function patchSources(tree: PreparedTree, patches: readonly PatchFile[]): Promise<PatchedSources> {
  return applyPatches(patches, (path) => readSource(tree, path));
}

/** A file of the shipped sources; undefined when there is none. */
export async function readSource(tree: PreparedTree, path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(join(tree.directory, path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Runs `work` in a slot that holds the patched sources, line numbers kept. */
export async function withPatchedSlot<T>(
  tree: PreparedTree,
  sources: PatchedSources,
  options: WorkOptions,
  work: (slot: Slot) => Promise<T>,
): Promise<T> {
  const slot = await openSlot(tree, options);
  try {
    for (const [path, content] of sources) {
      const text = compilableText(path, content);
      if (text === null) await slot.remove(path);
      else await slot.write(path, text);
    }
    return await work(slot);
  } finally {
    await slot.release();
  }
}

/**
 * Of objects that include a changed file, those that can depend on the change by the names they use.
 * @param direct objects of changed sources, which use what the headers change
 */
export async function findMentioning(
  tree: PreparedTree,
  slot: Slot,
  files: PatchedSources,
  { direct, including }: { readonly direct: readonly string[]; readonly including: readonly string[] },
  options: WorkOptions,
): Promise<Pick<MentioningObjects, 'objects' | 'candidates'>> {
  if (including.length === 0) return { objects: new Set(), candidates: new Set() };
  return withStage(
    options.progress ?? silentProgress,
    'follow-names',
    `${including.length} objects`,
    async () => {
      const settled = await findSettledTypes(tree, slot, files, [...direct, ...including], options);
      return keepMentioning(tree, slot.directory, files, including, { ...options, settled });
    },
  );
}

/** Where only macros change, or names tell nothing, it is decided by whether the preprocessed text differs in a way that can matter. */
export async function keepChanged(
  tree: PreparedTree,
  slot: Slot,
  { objects, candidates }: Pick<MentioningObjects, 'objects' | 'candidates'>,
  options: WorkOptions,
): Promise<readonly string[]> {
  const asked = [...candidates].filter((object) => !objects.has(object));
  if (asked.length === 0) return [...objects];
  const progress = options.progress ?? silentProgress;
  const extraFlags = await customCodeFlags();
  const reached = await withStage(progress, 'preprocess', `${asked.length} objects`, () =>
    findOtherTexts(tree, slot.directory, asked, affectsCode, {
      extraFlags,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onDone: countObjects(progress, 'preprocess', asked.length),
    }),
  );
  return [...objects, ...reached];
}

/** Says of each object that it is done, and how many are. */
function countObjects(
  progress: ProgressSink,
  stage: 'preprocess' | 'compile-patched',
  total: number,
): (object: string) => void {
  let done = 0;
  return (detail) => {
    done += 1;
    progress({ stage, state: 'update', detail, done, total, unit: 'objects' });
  };
}

/** With what flags objects are compiled; those of the recorded command and a section for each function when left out. */
export interface Flags {
  readonly extraFlags?: readonly string[];
}

/** The objects from a slot's sources, compiled now or taken from the cache, parsed. */
export async function compilePatched(
  tree: PreparedTree,
  slot: Slot,
  objects: readonly string[],
  options: WorkOptions & Flags,
): Promise<ReadonlyMap<string, ObjectFile>> {
  const output = await mkdtemp(join(tmpdir(), 'resplice-objects-'));
  try {
    const compiled = await compileInSlot(tree, slot, {
      objects,
      output,
      ...(options.extraFlags === undefined ? {} : { extraFlags: options.extraFlags }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onDone: countObjects(options.progress ?? silentProgress, 'compile-patched', objects.length),
    });
    return await parseAll(compiled);
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

/**
 * Whether the patch's own sources compile, before all that include its headers are looked at for minutes.
 * @throws InputError `does-not-compile`
 */
export function checkOwnSources(
  tree: PreparedTree,
  slot: Slot,
  objects: readonly string[],
  options: WorkOptions,
): Promise<void> {
  return withStage(
    options.progress ?? silentProgress,
    'check-syntax',
    objects.length === 1 ? (objects[0] ?? '') : `${objects.length} objects`,
    async () =>
      checkSyntax(tree, {
        directory: slot.directory,
        objects,
        extraFlags: await customCodeFlags(),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      }),
  );
}

/** Code that has run before the kernel and does not run again until the next boot, of whatever kernel that is. */
const BEFORE_KERNEL = /^(?:drivers\/firmware\/efi\/libstub|arch\/x86\/boot)\//;

export interface ChangedAside {
  readonly reasons: readonly Reason[];
  /** Objects of which the running kernel has nothing, with why. */
  readonly idle: readonly string[];
}

/**
 * Objects that are built, but not into the kernel or a module (boot code, the vDSO), and whose bytes change: a header can reach them.
 * They may be 16- or 32-bit code, so their files are compared as they are. What runs before the kernel is not refused here: unlike a hunk in its
 * own source, the author cannot leave it out.
 */
export async function findChangedAside(
  tree: PreparedTree,
  slot: Slot,
  objects: readonly string[],
  options: WorkOptions,
): Promise<ChangedAside> {
  if (objects.length === 0) return { reasons: [], idle: [] };
  const output = await mkdtemp(join(tmpdir(), 'resplice-aside-'));
  try {
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const common = { objects, extraFlags: [], ...signal };
    const before = await compileObjects(tree, {
      ...common,
      directory: tree.directory,
      output: join(output, 'before'),
    });
    const after = await compileObjects(tree, {
      ...common,
      directory: slot.directory,
      output: join(output, 'after'),
    });
    const reasons: Reason[] = [];
    const idle: string[] = [];
    for (const [index, { object, file }] of before.entries()) {
      const other = after[index];
      if (other === undefined || (await readFile(file)).equals(await readFile(other.file))) continue;
      if (BEFORE_KERNEL.test(object)) {
        idle.push(`${object}: it has run before the kernel, and changes with the next boot`);
        continue;
      }
      const found = 'a header that it includes changes it, and it is not part of the kernel or a module';
      reasons.push({ code: 'patch-changes-boot-code', subject: { object }, found, ...adviseAside(object) });
    }
    return { reasons, idle };
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

/** What user space runs of the kernel is mapped into every process. */
function adviseAside(object: string): Pick<Reason, 'advice'> {
  return object.includes('/vdso/')
    ? {
        advice:
          'give the vDSO what the header had before (`#ifdef BUILD_VDSO` around the old text), or leave it out',
      }
    : {};
}

/** The shipped objects, compiled now or taken from the cache, parsed. */
export async function compileShipped(
  tree: PreparedTree,
  objects: readonly string[],
  options: WorkOptions & Flags,
): Promise<ReadonlyMap<string, ObjectFile>> {
  return parseAll(await compileOriginals(tree, objects, options));
}

async function parseAll(
  compiled: readonly { readonly object: string; readonly file: string }[],
): Promise<ReadonlyMap<string, ObjectFile>> {
  const files = new Map<string, ObjectFile>();
  for (const { object, file } of compiled) files.set(object, parseObject(await readFile(file), object));
  return files;
}
