// Applying an update, by whatever engine it is for. What holds between the steps:
//   checked    → nothing was changed yet, all refusals are known
//   recorded   → archive and intent are on disk; killed from here on, `list` can explain what it finds in the kernel
//   loaded     → livepatch: the kernel switches tasks by itself; killed here, it finishes without us, or the next command turns it round.
//                trampoline: nothing is replaced yet; killed here, the next command removes the module
//   applied    → every task uses the new code
// Every way out before the last step ends with the kernel as it was and no record.

import { accept, type Reason, refuse, silentProgress, type Verdict } from '@resplice/report';
import type { Manifest } from '@resplice/update';
import type { ApplicableUpdate } from './applicable-update.js';
import { type CheckedUpdate, type CheckOptions, checkApply } from './check/apply-check.js';
import { applyByLivepatch, applyCancelled } from './livepatch/apply.js';
import type { TransitionOptions } from './livepatch/unloading.js';
import type { Machine } from './machine/machine.js';
import { recoverUpdates } from './recovery.js';
import { describeUpdate, noteUpdatePhase, writeUpdateState } from './state/record.js';
import { applyByTrampoline } from './trampoline/apply.js';
import { listUpdates } from './update-status.js';

export type ApplyOptions = TransitionOptions & CheckOptions;

export interface ApplyResult {
  readonly state: 'applied' | 'already-applied';
  readonly id: string;
  readonly module: string;
  /** Modules that are not loaded now; the kernel patches each when it loads. */
  readonly pending: readonly string[];
  readonly notes: readonly string[];
  readonly engine: Manifest['engine'];
  /** Why this one. */
  readonly engineReason: string;
  /** Updates that ended when this one began. */
  readonly replaced: readonly string[];
  /** How long our own checks, loading the module, and switching took; `pause`: how long all processors stood still for it. */
  readonly milliseconds: Switched & { readonly checks: number };
}

/** What an engine reports of its work. */
export interface Switched {
  readonly load: number;
  readonly transition: number;
  readonly pause?: number;
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
  if (options.signal?.aborted === true) return refuse([applyCancelled(manifest.id)]);

  writeUpdateState(machine, archive, describeUpdate(manifest, 'applying', machine.now()));
  const done =
    manifest.engine === 'trampoline'
      ? await applyByTrampoline(machine, update, checked.value, options)
      : await applyByLivepatch(machine, update, options);
  if (!done.ok) return done;
  noteUpdatePhase(machine, manifest.id, 'applied');
  return accept(describeResult(update, all, { checks, ...done.value }));
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

function describeResult(
  { manifest }: ApplicableUpdate,
  { state, pending, notes, replaced }: CheckedUpdate,
  milliseconds: ApplyResult['milliseconds'],
): ApplyResult {
  return {
    state: state === 'ready' ? 'applied' : state,
    id: manifest.id,
    module: manifest.module.name,
    engine: manifest.engine,
    engineReason: manifest.engineReason,
    pending,
    replaced,
    notes,
    milliseconds,
  };
}
