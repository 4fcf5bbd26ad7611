// Applying an update. What holds between the steps:
//   checked    → nothing was changed yet, all refusals are known
//   recorded   → archive and intent are on disk; killed from here on, `list` can explain what it finds in the kernel
//   loaded     → the kernel switches tasks by itself; killed here, it finishes without us, or the next command turns it round
//   applied    → every task uses the new code
// Every way out before the last step ends with the kernel as it was and no record.

import { accept, type Reason, refuse, silentProgress, type Verdict } from '@resplice/report';
import type { ApplicableUpdate } from '../applicable-update.js';
import { type CheckedUpdate, type CheckOptions, checkApply } from '../check/apply-check.js';
import { formatTasks } from '../kernel/task-list.js';
import type { Machine } from '../machine/machine.js';
import { describeUpdate, noteUpdatePhase, removeUpdateState, writeUpdateState } from '../state/record.js';
import { listUpdates } from '../update-status.js';
import { explainInsertFailure } from './insert-failure.js';
import { recoverUpdates } from './recovery.js';
import { type WatchResult, watchTransition } from './transition.js';
import { DEFAULT_TIMEOUT, type TransitionOptions, takeBack } from './unloading.js';

export type ApplyOptions = TransitionOptions & CheckOptions;

export interface ApplyResult {
  readonly state: 'applied' | 'already-applied';
  readonly id: string;
  readonly module: string;
  /** Modules that are not loaded now; the kernel patches each when it loads. */
  readonly pending: readonly string[];
  readonly notes: readonly string[];
  /** How long our own checks, loading the module, and the kernel's transition took. */
  readonly milliseconds: { readonly checks: number; readonly load: number; readonly transition: number };
}

/** What an earlier command may have left, and recovery can clear. */
const RECOVERABLE = new Set<Reason['code']>(['transition-running', 'module-left-behind']);

/** Throws EnvironmentError (`another-command-runs`, `module-stays-loaded`, `state-not-writable`) and as checkApply does. */
export async function applyUpdate(
  machine: Machine,
  update: ApplicableUpdate,
  options: ApplyOptions = {},
): Promise<Verdict<ApplyResult>> {
  // Without root there is nothing to lock and nothing to recover; the check itself refuses.
  if (machine.uid !== 0) {
    const checked = checkApply(machine, update, options);
    return checked.ok
      ? accept(describeResult(update, checked.value, { checks: 0, load: 0, transition: 0 }))
      : checked;
  }
  const lock = await machine.lock(`apply ${update.manifest.id}`);
  try {
    return await applyLocked(machine, update, options);
  } finally {
    await lock.release();
  }
}

async function applyLocked(
  machine: Machine,
  update: ApplicableUpdate,
  options: ApplyOptions,
): Promise<Verdict<ApplyResult>> {
  const { manifest, archive } = update;
  const progress = options.progress ?? silentProgress;
  progress({ stage: 'check', state: 'start', detail: manifest.id });
  const { checked, notes, milliseconds: checks } = await checkAfterRecovery(machine, update, options);
  progress({ stage: 'check', state: checked.ok ? 'done' : 'failed', detail: manifest.id });
  if (!checked.ok) return checked;
  const all = { ...checked.value, notes: [...notes, ...checked.value.notes] };
  if (checked.value.state === 'already-applied') {
    return accept(describeResult(update, all, { checks, load: 0, transition: 0 }));
  }
  if (options.signal?.aborted === true) return refuse([cancelled(manifest.id)]);

  writeUpdateState(machine, archive, describeUpdate(manifest, 'applying', machine.now()));
  const loadStart = machine.milliseconds();
  const failure = await loadModule(machine, update);
  if (failure !== undefined) {
    removeUpdateState(machine, manifest.id);
    return refuse([failure]);
  }
  const transitionStart = machine.milliseconds();
  const watched = await watchTransition(machine, {
    module: manifest.module.name,
    goal: 'patched',
    timeoutSeconds: options.timeoutSeconds ?? DEFAULT_TIMEOUT,
    progress,
    stage: 'transition',
    signal: options.signal,
  });
  if (watched.end !== 'complete') return refuse(await giveUp(machine, manifest.id, watched, options));
  const transition = machine.milliseconds() - transitionStart;
  noteUpdatePhase(machine, manifest.id, 'applied');
  return accept(describeResult(update, all, { checks, load: transitionStart - loadStart, transition }));
}

/** Checks; when only leftovers of an earlier command stand in the way, settles them and checks again. */
async function checkAfterRecovery(machine: Machine, update: ApplicableUpdate, options: ApplyOptions) {
  const start = machine.milliseconds();
  const checked = checkApply(machine, update, options);
  const first = machine.milliseconds() - start;
  const hopeful = checked.ok || checked.reasons.every(({ code }) => RECOVERABLE.has(code));
  const unfinished = listUpdates(machine).some(({ state }) => state !== 'applied');
  if (!hopeful || !unfinished) return { checked, notes: [], milliseconds: first };
  const notes = await recoverUpdates(machine, options);
  const again = machine.milliseconds();
  const rechecked = checkApply(machine, update, options);
  return { checked: rechecked, notes, milliseconds: first + machine.milliseconds() - again };
}

async function loadModule(
  machine: Machine,
  { manifest, module }: ApplicableUpdate,
): Promise<Reason | undefined> {
  const { name } = manifest.module;
  const marker = `resplice: loading ${name}`;
  // Tells our lines of the kernel log from older ones; when it cannot be written, they are chosen by the module's name.
  machine.writeControl('/dev/kmsg', `<6>${marker}`);
  const result = await machine.insertModule(name, module);
  return result.status === 0
    ? undefined
    : explainInsertFailure(name, result, machine.readKernelLog(), marker);
}

async function giveUp(
  machine: Machine,
  id: string,
  watched: WatchResult,
  options: ApplyOptions,
): Promise<readonly Reason[]> {
  const back = await takeBack(machine, id, options);
  const reason =
    watched.end === 'timeout'
      ? busy(id, watched, options)
      : watched.end === 'cancelled'
        ? cancelled(id)
        : vanished(id);
  if (back.end === 'complete') return [reason];
  const found = 'the kernel is still switching tasks back';
  return [
    reason,
    { code: 'reversal-busy', subject: { object: id }, found, evidence: formatTasks(back.busy) },
  ];
}

function busy(id: string, { busy: tasks }: WatchResult, options: ApplyOptions): Reason {
  const seconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT;
  const found =
    tasks.length === 0
      ? `the kernel did not complete the transition within ${seconds} s`
      : `${tasks.length === 1 ? 'a task' : `${tasks.length} tasks`} still ran the old code after ${seconds} s`;
  return { code: 'tasks-busy', subject: { object: id }, found, evidence: formatTasks(tasks) };
}

function cancelled(id: string): Reason {
  return { code: 'apply-cancelled', subject: { object: id }, found: 'the command was told to stop' };
}

function vanished(id: string): Reason {
  return { code: 'update-vanished', subject: { object: id }, found: 'the kernel no longer has it enabled' };
}

function describeResult(
  { manifest }: ApplicableUpdate,
  { state, pending, notes }: CheckedUpdate,
  milliseconds: ApplyResult['milliseconds'],
): ApplyResult {
  return {
    state: state === 'ready' ? 'applied' : state,
    id: manifest.id,
    module: manifest.module.name,
    pending,
    notes,
    milliseconds,
  };
}
