// Undoing an update: the reverse of applying, and allowed only in the reverse order. The kernel itself would let a lower update
// go; the one on top would then fall back, when undone in turn, to code that nobody chose.

import { accept, type Reason, refuse, silentProgress, type Verdict } from '@resplice/report';
import { moduleNameOf } from '../applicable-update.js';
import { type Livepatch, readLivepatches, readSwitch } from '../kernel/livepatch-list.js';
import { formatTasks } from '../kernel/task-list.js';
import type { Machine } from '../machine/machine.js';
import { noteUpdatePhase, readRecord, removeUpdateState, type UpdateRecord } from '../state/record.js';
import { listUpdates, type UpdateStatus } from '../update-status.js';
import { findHookRefusal } from './insert-failure.js';
import { type Goal, type WatchResult, watchTransition } from './transition.js';
import {
  DEFAULT_TIMEOUT,
  type TransitionOptions,
  unloadUpdate,
  waitUntilLoaded,
  writeSwitch,
} from './unloading.js';

export interface UndoOptions extends TransitionOptions {
  /** Undo even though the kernel may still call code of the update. */
  readonly force?: boolean | undefined;
}

export interface UndoResult {
  /** `not-applied`: there was nothing in the kernel to undo. */
  readonly state: 'undone' | 'not-applied';
  readonly id: string;
  readonly notes: readonly string[];
  readonly milliseconds: { readonly transition: number; readonly unload: number };
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
  if (status === undefined) return accept({ state: 'not-applied', id, notes: [], milliseconds });
  if (status.state === 'interrupted') {
    removeUpdateState(machine, id);
    return accept({ state: 'not-applied', id, notes: [`cleared a record: ${status.detail}`], milliseconds });
  }
  const reasons = [
    ...checkUndo(id, updates, readLivepatches(machine)),
    ...(options.force === true ? [] : checkAddresses(readRecord(machine, id))),
  ];
  if (reasons.length > 0) return refuse(reasons);

  const unwilling = askHooks(machine, status);
  if (unwilling !== undefined) return refuse([unwilling]);
  noteUpdatePhase(machine, id, 'undoing');
  const start = machine.milliseconds();
  const refused = disable(machine, status);
  if (refused !== undefined) {
    noteUpdatePhase(machine, id, 'applied');
    return refuse([refused]);
  }
  const watched = await watch(machine, id, 'unpatched', options);
  const refusal = watched.end === 'complete' ? undefined : await reenable(machine, id, watched, options);
  if (refusal !== undefined) return refuse([refusal]);
  const transition = machine.milliseconds() - start;
  await unloadUpdate(machine, id);
  const unload = machine.milliseconds() - start - transition;
  return accept({ state: 'undone', id, notes: [], milliseconds: { transition, unload } });
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

/** Pure: what stands against undoing `id` now. `updates` in the order in which they were loaded. */
export function checkUndo(
  id: string,
  updates: readonly UpdateStatus[],
  livepatches: readonly Livepatch[],
): readonly Reason[] {
  const module = moduleNameOf(id);
  const reasons: Reason[] = livepatches
    .filter((each) => each.transition && each.module !== module)
    .map((each) => ({
      code: 'transition-running',
      subject: { object: each.module },
      found: `the live patch ${each.module} is still being ${each.enabled ? 'applied' : 'taken back'}`,
    }));
  const own = livepatches.find((each) => each.module === module);
  const at = updates.findIndex((each) => each.id === id);
  const users = updates.slice(at + 1).flatMap((later) => {
    if (later.state === 'interrupted' || later.state === 'loaded-disabled') return [];
    const shared = findShared(
      own,
      livepatches.find((each) => each.module === later.module),
    );
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
  lower: Livepatch | undefined,
  upper: Livepatch | undefined,
): { readonly object: string; readonly symbol: string } | undefined {
  const keys = new Set(
    lower?.objects.flatMap(({ name, functions }) => functions.map((f) => `${name}:${f.name},${f.rank}`)),
  );
  for (const { name, functions } of upper?.objects ?? []) {
    const shared = functions.find((each) => keys.has(`${name}:${each.name},${each.rank}`));
    if (shared !== undefined) return { object: name, symbol: shared.name };
  }
  return undefined;
}

/** Asks the pre-undo hooks; livepatch itself does not. An update without hooks has no such file. */
function askHooks(machine: Machine, { id, state }: UpdateStatus): Reason | undefined {
  if (state !== 'applied') return undefined;
  const module = moduleNameOf(id);
  const code = machine.writeControl(`/sys/module/${module}/may_undo`, '1');
  if (code === undefined || code === 'ENOENT') return undefined;
  const found = findHookRefusal(machine.readKernelLog()) ?? `a hook answered ${code}`;
  return { code: 'undo-hook-refused', subject: { object: id }, found };
}

/** Applied: disables it. Still applying: turns it round. In the other states the kernel is already past this step. */
function disable(machine: Machine, { id, state }: UpdateStatus): Reason | undefined {
  if (state !== 'applied' && state !== 'applying') return undefined;
  const code = writeSwitch(machine, moduleNameOf(id), false);
  if (code === undefined) return undefined;
  const found = `the kernel answered ${code} when the update was to be disabled`;
  return { code: 'undo-rejected', subject: { object: id }, found };
}

function watch(machine: Machine, id: string, goal: Goal, options: TransitionOptions): Promise<WatchResult> {
  return watchTransition(machine, {
    module: moduleNameOf(id),
    goal,
    timeoutSeconds: options.timeoutSeconds ?? DEFAULT_TIMEOUT,
    progress: options.progress ?? silentProgress,
    stage: goal === 'unpatched' ? 'transition' : 'take-back',
    signal: options.signal,
  });
}

/** Turns the undo round, so that it ends as it began: applied. Undefined when the undo completed in that very moment. */
async function reenable(
  machine: Machine,
  id: string,
  watched: WatchResult,
  options: TransitionOptions,
): Promise<Reason | undefined> {
  const module = moduleNameOf(id);
  // What counts is what the kernel has it be afterwards, so a refusal of the write needs no words.
  if (watched.end !== 'overruled') writeSwitch(machine, module, true);
  await watch(machine, id, 'patched', { ...options, signal: undefined });
  if (readSwitch(machine, module)?.enabled !== true) return undefined;
  noteUpdatePhase(machine, id, 'applied');
  const subject = { object: id };
  if (watched.end === 'cancelled')
    return { code: 'undo-cancelled', subject, found: 'the command was told to stop' };
  if (watched.end === 'overruled')
    return { code: 'undo-rejected', subject, found: 'somebody else enabled it again' };
  const seconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT;
  const who = watched.busy.length === 1 ? 'a task' : 'some tasks';
  const found = `${who} still ran the code of the update after ${seconds} s`;
  return { code: 'undo-tasks-busy', subject, found, evidence: formatTasks(watched.busy) };
}
