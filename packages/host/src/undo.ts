// Undoing an update: the reverse of applying, and allowed only in the reverse order. The kernel itself would let a lower live patch
// go; the one on top would then fall back, when undone in turn, to code that nobody chose.

import { accept, type Reason, refuse, type Verdict } from '@resplice/report';
import { moduleNameOf } from './applicable-update.js';
import { type Livepatch, type LivepatchObject, readLivepatches } from './kernel/livepatch-list.js';
import { type LoadedModule, readModules } from './kernel/module-list.js';
import { undoByLivepatch } from './livepatch/undo.js';
import { type TransitionOptions, waitUntilLoaded } from './livepatch/unloading.js';
import type { Machine } from './machine/machine.js';
import { readRecord, removeUpdateState, type UpdateRecord } from './state/record.js';
import { listPatchedObjects, readTrampolines } from './trampoline/active-update.js';
import { removeIdleCore } from './trampoline/core-module.js';
import { undoByTrampoline } from './trampoline/undo.js';
import { listUpdates, type UpdateStatus } from './update-status.js';

export interface UndoOptions extends TransitionOptions {
  /** Undo even though the kernel may still call code of the update. */
  readonly force?: boolean | undefined;
}

export interface UndoResult {
  /** `not-applied`: there was nothing in the kernel to undo. */
  readonly state: 'undone' | 'not-applied';
  readonly id: string;
  readonly notes: readonly string[];
  readonly milliseconds: Undone;
}

/** How long an engine took, in milliseconds; `pause`: how long all processors stood still. */
export interface Undone {
  readonly transition: number;
  readonly unload: number;
  readonly pause?: number;
}

/** Throws EnvironmentError (`another-command-runs`, `module-stays-loaded`). */
export async function undoUpdate(
  machine: Machine,
  id: string,
  options: UndoOptions = {},
): Promise<Verdict<UndoResult>> {
  if (machine.uid !== 0) {
    return refuse([{ code: 'not-root', subject: {}, found: `runs as user ${machine.uid}` }]);
  }
  const lock = await machine.lock(`undo ${id}`);
  try {
    return await undoLocked(machine, id, options);
  } finally {
    await lock.release();
  }
}

async function undoLocked(machine: Machine, id: string, options: UndoOptions): Promise<Verdict<UndoResult>> {
  await waitUntilLoaded(machine, moduleNameOf(id));
  const updates = listUpdates(machine);
  const status = updates.find((each) => each.id === id);
  const milliseconds = { transition: 0, unload: 0 };
  if (status === undefined || status.state === 'interrupted') await removeIdleCore(machine);
  if (status === undefined) return accept({ state: 'not-applied', id, notes: [], milliseconds });
  if (status.state === 'interrupted') {
    removeUpdateState(machine, id);
    return accept({ state: 'not-applied', id, notes: [`cleared a record: ${status.detail}`], milliseconds });
  }
  const reasons = [
    ...checkUndo(id, updates, readLivepatches(machine), readPatched(machine)),
    ...checkUnloaded(readRecord(machine, id), readModules(machine)),
    ...(options.force === true ? [] : checkAddresses(readRecord(machine, id))),
  ];
  if (reasons.length > 0) return refuse(reasons);
  const undo = status.engine === 'trampoline' ? undoByTrampoline : undoByLivepatch;
  const done = await undo(machine, status, options);
  const notes = status.overridden.map(
    ({ object, symbol, by }) => `${by} was loaded over it and stays: ${object}: ${symbol}`,
  );
  return done.ok ? accept({ state: 'undone', id, notes, milliseconds: done.value }) : done;
}

/** What each update in the kernel replaces, by its module. */
function readPatched(machine: Machine): ReadonlyMap<string, readonly LivepatchObject[]> {
  const live = readLivepatches(machine).map(({ module, objects }) => [module, objects] as const);
  const jumping = readTrampolines(machine).flatMap(({ module, state, manifest }) =>
    state !== 'applied' || manifest === undefined
      ? []
      : [[module, listPatchedObjects(manifest, true)] as const],
  );
  return new Map([...live, ...jumping]);
}

/** Pure: unloading frees code that a timer, a callback or a table of the kernel may still point at. */
export function checkAddresses(record: UpdateRecord | undefined): readonly Reason[] {
  const names = record?.addressTaken ?? [];
  return names.map((symbol) => ({
    code: 'new-code-may-be-called',
    subject: { symbol },
    found: 'the update brought it in, and its address was stored or passed on',
  }));
}

/** Pure: what exists of a module that was loaded after the update cannot be used by old code, whatever is forced. */
export function checkUnloaded(
  record: UpdateRecord | undefined,
  modules: readonly LoadedModule[],
): readonly Reason[] {
  return (record?.requiresUnloaded ?? [])
    .filter((name) => modules.some((each) => each.name === name))
    .map((name) => ({
      code: 'undo-module-loaded',
      subject: { object: name },
      found: 'it was loaded after the update was applied, and all that exists of it was made by new code',
      advice: `unload it (\`modprobe -r ${name}\`), then undo; not even --force helps, for the old code would misread what exists`,
    }));
}

/** Pure: what stands against undoing `id` now. `updates` in the order in which they were loaded. */
export function checkUndo(
  id: string,
  updates: readonly UpdateStatus[],
  livepatches: readonly Livepatch[],
  patched: ReadonlyMap<string, readonly LivepatchObject[]>,
): readonly Reason[] {
  const module = moduleNameOf(id);
  const reasons: Reason[] = livepatches
    .filter((each) => each.transition && each.module !== module)
    .map((each) => ({
      code: 'transition-running',
      subject: { object: each.module },
      found: `the live patch ${each.module} is still being ${each.enabled ? 'applied' : 'taken back'}`,
    }));
  const at = updates.findIndex((each) => each.id === id);
  const users = updates.slice(at + 1).flatMap((later) => {
    if (later.state === 'interrupted' || later.state === 'loaded-disabled') return [];
    const shared = findShared(patched.get(module), patched.get(later.module));
    if (shared === undefined && !later.requires.includes(id)) return [];
    return [{ id: later.id, shared }];
  });
  // Newest first is the order in which they come off.
  const order = users.map((user) => user.id).reverse();
  for (const user of users) {
    reasons.push({
      code: 'needed-by-update',
      subject: user.shared === undefined ? {} : user.shared,
      found: `the update ${user.id} ${user.shared === undefined ? 'builds on this one' : 'replaces it on top of this one'}`,
      advice: `undo first: ${order.join(', then ')}`,
    });
  }
  return reasons;
}

/** A function that both replace. */
function findShared(
  lower: readonly LivepatchObject[] | undefined,
  upper: readonly LivepatchObject[] | undefined,
): { readonly object: string; readonly symbol: string } | undefined {
  const keys = new Set(
    lower?.flatMap(({ name, functions }) => functions.map((f) => `${name}:${f.name},${f.rank}`)),
  );
  for (const { name, functions } of upper ?? []) {
    const shared = functions.find((each) => keys.has(`${name}:${each.name},${each.rank}`));
    if (shared !== undefined) return { object: name, symbol: shared.name };
  }
  return undefined;
}
