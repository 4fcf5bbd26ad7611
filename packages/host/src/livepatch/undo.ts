// The livepatch engine's part of undoing: the hooks are asked, the patch is disabled, and the kernel switches its tasks back.

import { accept, type Reason, refuse, silentProgress, type Verdict } from '@resplice/report';
import { moduleNameOf } from '../applicable-update.js';
import { findHookRefusal, findLoadedModule } from '../insert-failure.js';
import { readSwitch } from '../kernel/livepatch-list.js';
import { formatTasks } from '../kernel/task-list.js';
import type { Machine } from '../machine/machine.js';
import { noteUpdatePhase } from '../state/record.js';
import type { Undone } from '../undo.js';
import type { UpdateStatus } from '../update-status.js';
import { type Goal, type WatchResult, watchTransition } from './transition.js';
import { DEFAULT_TIMEOUT, type TransitionOptions, unloadUpdate, writeSwitch } from './unloading.js';

/** Nothing stands against it. On any refusal the update stays applied. */
export async function undoByLivepatch(
  machine: Machine,
  status: UpdateStatus,
  options: TransitionOptions,
): Promise<Verdict<Undone>> {
  const { id } = status;
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
  return accept({ transition, unload: machine.milliseconds() - start - transition });
}

/** Asks the pre-undo hooks; livepatch itself does not. An update without hooks has no such file. */
function askHooks(machine: Machine, { id, state }: UpdateStatus): Reason | undefined {
  if (state !== 'applied') return undefined;
  const module = moduleNameOf(id);
  const code = machine.writeControl(`/sys/module/${module}/may_undo`, '1');
  if (code === undefined || code === 'ENOENT') return undefined;
  if (code === 'EBUSY') {
    const loaded = findLoadedModule(machine.readKernelLog().slice(-1));
    if (loaded !== undefined)
      return {
        code: 'undo-module-loaded',
        subject: { object: loaded },
        found: 'it was loaded in the same moment',
      };
  }
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
