// Which updates are in the kernel, and what became of those a command was killed over. The kernel is asked first; our records
// only add descriptions, so the answer is the truth whatever a command left behind.

import type { CoreState, Engine } from '@resplice/engine';
import type { Manifest } from '@resplice/update';
import { findUpdateId, moduleNameOf } from './applicable-update.js';
import { type Livepatch, type LivepatchSwitch, readLivepatches } from './kernel/livepatch-list.js';
import { type LoadedModule, readModules } from './kernel/module-list.js';
import type { Machine } from './machine/machine.js';
import { listRecordedIds, type Phase, readArchive, readRecord } from './state/record.js';
import { listPatchedObjects, readKeptManifest } from './trampoline/active-update.js';
import { readCoreUpdates } from './trampoline/core-device.js';
import { describeOverridden, findOverridden, type Overridden } from './trampoline/overridden.js';

/**
 * `applied`: every task uses it. `applying`, `undoing`: the kernel is switching tasks. `loaded-disabled`: its module is
 * loaded but patches nothing. `interrupted`: only our record is left, the kernel knows nothing of it.
 */
export type UpdateState = 'applied' | 'applying' | 'undoing' | 'loaded-disabled' | 'interrupted';

export interface UpdateStatus {
  readonly id: string;
  readonly module: string;
  readonly engine: Engine;
  readonly state: UpdateState;
  /** One sentence on what the state means for this update. */
  readonly detail: string;
  /** Undefined when no record of it can be read. */
  readonly description: string | undefined;
  readonly cves: readonly string[];
  readonly requires: readonly string[];
  /** Modules that must not be loaded when it is undone. */
  readonly requiresUnloaded: readonly string[];
  /** When the last command on it began or ended, ISO 8601. */
  readonly since: string | undefined;
  /** Whether its archive is kept here, for `show`. */
  readonly archive: boolean;
  /** Modules that it patches and that are not loaded: each is patched when it loads, before it runs. */
  readonly waiting: readonly string[];
  /** Functions of an update by jumps over which somebody has loaded a live patch. */
  readonly overridden: readonly Overridden[];
}

export interface UpdateDetails {
  readonly status: UpdateStatus;
  readonly archive: Uint8Array | undefined;
  /** What the kernel says it patches; empty when it is not in the kernel. */
  readonly objects: Livepatch['objects'];
}

/** All updates the kernel or our records know: in the order in which they were loaded, then those only recorded. */
export function listUpdates(machine: Machine): readonly UpdateStatus[] {
  const modules = readModules(machine);
  const livepatches = new Map(readLivepatches(machine).map((patch) => [patch.module, patch]));
  const inCore = readCoreUpdates(machine);
  const loaded = modules.flatMap(({ name }) => findUpdateId(name) ?? []);
  const recorded = listRecordedIds(machine).filter((id) => !loaded.includes(id));
  return [...loaded, ...recorded].map((id) => {
    const name = moduleNameOf(id);
    const record = readRecord(machine, id);
    const module = modules.find((each) => each.name === name);
    const livepatch = livepatches.get(name);
    const known = inCore?.find((each) => each.module === name);
    const engine =
      known !== undefined ? 'trampoline' : livepatch !== undefined ? 'livepatch' : record?.engine;
    const state =
      engine === 'trampoline'
        ? decideTrampoline(inCore === undefined ? 'hidden' : known?.state, module)
        : decideState(livepatch, module);
    const manifest = state === 'applied' ? readKeptManifest(machine, id) : undefined;
    const waiting = listWaiting(manifest, modules);
    const overridden = engine === 'trampoline' ? findOverridden(manifest, [...livepatches.values()]) : [];
    return {
      id,
      module: name,
      engine: engine ?? 'livepatch',
      state,
      detail: `${describeState(state, record?.phase)}${describeWaiting(waiting, engine)}${describeOverridden(overridden)}`,
      description: record?.description,
      cves: record?.cves ?? [],
      requires: record?.requires ?? [],
      requiresUnloaded: record?.requiresUnloaded ?? [],
      since: record?.since,
      archive: readArchive(machine, id) !== undefined,
      waiting,
      overridden,
    };
  });
}

function listWaiting(manifest: Manifest | undefined, modules: readonly LoadedModule[]): readonly string[] {
  const names = manifest?.objects.map(({ name }) => name) ?? [];
  return names.filter((name) => name !== 'vmlinux' && !modules.some((module) => module.name === name));
}

function describeWaiting(waiting: readonly string[], engine: Engine | undefined): string {
  if (waiting.length === 0) return '';
  const who = engine === 'trampoline' ? "the engine's core" : "the kernel's livepatch core";
  return `; ${waiting.join(', ')} not loaded now: ${who} patches it when it comes, before it runs`;
}

/** Undefined when nothing is known under that id. */
export function showUpdate(machine: Machine, id: string): UpdateDetails | undefined {
  const status = listUpdates(machine).find((each) => each.id === id);
  if (status === undefined) return undefined;
  const archive = readArchive(machine, id);
  if (status.engine === 'trampoline') {
    const manifest = status.state === 'applied' ? readKeptManifest(machine, id) : undefined;
    return { status, archive, objects: manifest === undefined ? [] : listPatchedObjects(manifest, true) };
  }
  const livepatch = readLivepatches(machine).find(({ module }) => module === status.module);
  return { status, archive, objects: livepatch?.objects ?? [] };
}

export function decideState(
  livepatch: LivepatchSwitch | undefined,
  module: LoadedModule | undefined,
): UpdateState {
  // First, because while insmod is at work the kernel has the transition begin a moment before the patch counts as enabled.
  if (module?.state === 'loading') return 'applying';
  if (livepatch?.transition === true) return livepatch.enabled ? 'applying' : 'undoing';
  if (livepatch?.enabled === true) return 'applied';
  return livepatch !== undefined || module !== undefined ? 'loaded-disabled' : 'interrupted';
}

/**
 * The same of the trampoline engine, which switches in one moment. Its core holds the module of an update in use, which tells those who
 * may not ask the core.
 */
export function decideTrampoline(
  core: CoreState | 'hidden' | undefined,
  module: LoadedModule | undefined,
): UpdateState {
  if (module === undefined) return 'interrupted';
  if (module.state === 'loading') return 'applying';
  if (core === 'hidden') return module.references > 0 ? 'applied' : 'loaded-disabled';
  return core === 'applied' ? 'applied' : 'loaded-disabled';
}

function describeState(state: UpdateState, phase: Phase | undefined): string {
  switch (state) {
    case 'applied':
      return phase === 'undoing' ? 'applied; an undo of it did not happen' : 'applied';
    case 'applying':
      return 'the kernel is still switching tasks to it';
    case 'undoing':
      return 'the kernel is still switching tasks away from it';
    case 'loaded-disabled':
      return 'its module is loaded but patches nothing; undo removes it';
    case 'interrupted':
      if (phase === 'applied')
        return 'not applied: somebody removed it without resplice; undo clears the record';
      if (phase === 'undoing')
        return 'not applied: an undo ended early, after the update was removed; undo clears the record';
      return 'not applied: an apply ended early, before the update was loaded; apply again, or undo to clear the record';
  }
}
