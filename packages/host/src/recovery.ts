// Settling what a killed command left. The kernel finishes a transition without us, so most leftovers settle by watching; what
// cannot go on is turned round, exactly as the killed command would have done. Called under the lock, so no other command of
// ours is at work on any of it.

import { silentProgress } from '@resplice/report';
import { moduleNameOf } from './applicable-update.js';
import { watchTransition } from './livepatch/transition.js';
import {
  DEFAULT_TIMEOUT,
  type TransitionOptions,
  takeBack,
  unloadUpdate,
  waitUntilLoaded,
  writeSwitch,
} from './livepatch/unloading.js';
import type { Machine } from './machine/machine.js';
import { noteUpdatePhase, removeUpdateState } from './state/record.js';
import { forgetUpdate } from './trampoline/forget.js';
import { listUpdates, type UpdateStatus } from './update-status.js';

/** Settles every unfinished update and says of each, in one sentence, what became of it. */
export async function recoverUpdates(
  machine: Machine,
  options: TransitionOptions = {},
): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const status of listUpdates(machine)) {
    if (status.state !== 'applied') notes.push(await settleUpdate(machine, status, options));
  }
  return notes;
}

async function settleUpdate(
  machine: Machine,
  status: UpdateStatus,
  options: TransitionOptions,
): Promise<string> {
  const { id } = status;
  switch (status.state) {
    case 'applying':
      return await settleApplying(machine, id, options);
    case 'undoing':
      return await settleUndoing(machine, id, options);
    case 'loaded-disabled':
      if (status.engine === 'trampoline') return await settleTrampoline(machine, id);
      await unloadUpdate(machine, id);
      return `${id}: removed the module that an earlier command left behind`;
    default:
      removeUpdateState(machine, id);
      return `${id}: cleared the record of an earlier command`;
  }
}

/** The core first: a request of the killed command may be under way, and what comes of it decides. */
async function settleTrampoline(machine: Machine, id: string): Promise<string> {
  if ((await forgetUpdate(machine, moduleNameOf(id))) === 'applied') {
    noteUpdatePhase(machine, id, 'applied');
    return `${id}: an earlier apply is now complete`;
  }
  await unloadUpdate(machine, id);
  return `${id}: removed the module that an earlier command left behind`;
}

async function settleApplying(machine: Machine, id: string, options: TransitionOptions): Promise<string> {
  await waitUntilLoaded(machine, moduleNameOf(id));
  const { end } = await watch(machine, id, 'patched', options);
  if (end === 'complete') {
    noteUpdatePhase(machine, id, 'applied');
    return `${id}: an earlier apply is now complete`;
  }
  await takeBack(machine, id, options);
  return `${id}: an earlier apply could not be completed and was taken back`;
}

async function settleUndoing(machine: Machine, id: string, options: TransitionOptions): Promise<string> {
  const { end } = await watch(machine, id, 'unpatched', options);
  if (end === 'complete') {
    await unloadUpdate(machine, id);
    return `${id}: an earlier undo is now complete`;
  }
  writeSwitch(machine, moduleNameOf(id), true);
  await watch(machine, id, 'patched', { ...options, signal: undefined });
  noteUpdatePhase(machine, id, 'applied');
  return `${id}: an earlier undo could not be completed; the update stays applied`;
}

function watch(machine: Machine, id: string, goal: 'patched' | 'unpatched', options: TransitionOptions) {
  return watchTransition(machine, {
    module: moduleNameOf(id),
    goal,
    timeoutSeconds: options.timeoutSeconds ?? DEFAULT_TIMEOUT,
    progress: options.progress ?? silentProgress,
    stage: 'recover',
    signal: options.signal,
  });
}
