// The livepatch engine's part of applying: loading the module makes the kernel switch its tasks; we watch, and turn it round when it takes too long.

import { accept, type Reason, refuse, silentProgress, type Verdict } from '@resplice/report';
import type { ApplicableUpdate } from '../applicable-update.js';
import type { Switched } from '../apply.js';
import { formatTasks } from '../kernel/task-list.js';
import { loadModule } from '../loading.js';
import type { Machine } from '../machine/machine.js';
import { removeUpdateState } from '../state/record.js';
import { type WatchResult, watchTransition } from './transition.js';
import { DEFAULT_TIMEOUT, type TransitionOptions, takeBack } from './unloading.js';

/** The update is recorded. On any refusal the kernel is as it was and there is no record, unless a reason says otherwise. */
export async function applyByLivepatch(
  machine: Machine,
  { manifest, module }: ApplicableUpdate,
  options: TransitionOptions,
): Promise<Verdict<Switched>> {
  const loadStart = machine.milliseconds();
  const failure = await loadModule(machine, manifest.module.name, module);
  if (failure !== undefined) {
    removeUpdateState(machine, manifest.id);
    return refuse([failure]);
  }
  const transitionStart = machine.milliseconds();
  const watched = await watchTransition(machine, {
    module: manifest.module.name,
    goal: 'patched',
    timeoutSeconds: options.timeoutSeconds ?? DEFAULT_TIMEOUT,
    progress: options.progress ?? silentProgress,
    stage: 'transition',
    signal: options.signal,
  });
  if (watched.end !== 'complete') return refuse(await giveUp(machine, manifest.id, watched, options));
  const transition = machine.milliseconds() - transitionStart;
  return accept({ load: transitionStart - loadStart, transition });
}

async function giveUp(
  machine: Machine,
  id: string,
  watched: WatchResult,
  options: TransitionOptions,
): Promise<readonly Reason[]> {
  const back = await takeBack(machine, id, options);
  const reason =
    watched.end === 'timeout'
      ? busy(id, watched, options)
      : watched.end === 'cancelled'
        ? applyCancelled(id)
        : vanished(id);
  if (back.end === 'complete') return [reason];
  const found = 'the kernel is still switching tasks back';
  return [
    reason,
    { code: 'reversal-busy', subject: { object: id }, found, evidence: formatTasks(back.busy) },
  ];
}

function busy(id: string, { busy: tasks }: WatchResult, options: TransitionOptions): Reason {
  const seconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT;
  const found =
    tasks.length === 0
      ? `the kernel did not complete the transition within ${seconds} s`
      : `${tasks.length === 1 ? 'a task' : `${tasks.length} tasks`} still ran the old code after ${seconds} s`;
  return { code: 'tasks-busy', subject: { object: id }, found, evidence: formatTasks(tasks) };
}

/** The command was told to stop, and did. */
export function applyCancelled(id: string): Reason {
  return { code: 'apply-cancelled', subject: { object: id }, found: 'the command was told to stop' };
}

function vanished(id: string): Reason {
  return { code: 'update-vanished', subject: { object: id }, found: 'the kernel no longer has it enabled' };
}
