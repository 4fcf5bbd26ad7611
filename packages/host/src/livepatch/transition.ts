// Watching the kernel switch its tasks, one by one, to a live patch or away from it. The kernel retries once per second by
// itself and wakes sleepers after 15 s; all we do is look, tell who holds it up, and know when to stop waiting.
// Counting tasks walks all of /proc, so it begins only when the transition is not one of the usual quick ones.

import type { ProgressSink } from '@resplice/report';
import { type LivepatchSwitch, readSwitch } from '../kernel/livepatch-list.js';
import { type BusyTask, countTasks, formatTask, readBusyTasks } from '../kernel/task-list.js';
import type { Machine } from '../machine/machine.js';

export type Goal = 'patched' | 'unpatched';

export interface WatchOptions {
  readonly module: string;
  readonly goal: Goal;
  readonly timeoutSeconds: number;
  readonly progress: ProgressSink;
  /** Name of the stage in progress events. */
  readonly stage: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * `complete`: the goal is reached. `timeout`, `cancelled`: it still runs. `overruled`: somebody else turned it round, or
 * the live patch is gone although it should stay.
 */
export type WatchEnd = 'complete' | 'timeout' | 'cancelled' | 'overruled';

export interface WatchResult {
  readonly end: WatchEnd;
  /** Those that hold the transition up, when it did not complete. */
  readonly busy: readonly BusyTask[];
}

const POLL = 50;
const FIRST_COUNT = 2000;
const COUNT_INTERVAL = 1000;
/** From when on the tasks are named. */
const NAME_AFTER = 3000;

export async function watchTransition(machine: Machine, options: WatchOptions): Promise<WatchResult> {
  const { module, goal, timeoutSeconds, progress, stage, signal } = options;
  const start = machine.milliseconds();
  let nextCount = start + FIRST_COUNT;
  progress({ stage, state: 'start', detail: module });
  for (;;) {
    const end = judgeSwitch(readSwitch(machine, module), goal);
    if (end !== undefined) {
      progress({ stage, state: end === 'complete' ? 'done' : 'failed', detail: module });
      return { end, busy: [] };
    }
    const now = machine.milliseconds();
    const late = now - start >= timeoutSeconds * 1000;
    if (late || signal?.aborted === true) {
      progress({ stage, state: 'failed', detail: module });
      const busy = readBusyTasks(machine, countTasks(machine, goal).waiting);
      return { end: late ? 'timeout' : 'cancelled', busy };
    }
    if (now >= nextCount) {
      reportWaiting(machine, options, now - start >= NAME_AFTER);
      nextCount = machine.milliseconds() + COUNT_INTERVAL;
    }
    await machine.sleep(POLL, signal);
  }
}

/** Undefined while it is under way. */
export function judgeSwitch(state: LivepatchSwitch | undefined, goal: Goal): WatchEnd | undefined {
  if (state === undefined) return goal === 'unpatched' ? 'complete' : 'overruled';
  if (state.transition) return undefined;
  return state.enabled === (goal === 'patched') ? 'complete' : 'overruled';
}

function reportWaiting(
  machine: Machine,
  { goal, progress, stage, module }: WatchOptions,
  name: boolean,
): void {
  const { total, waiting } = countTasks(machine, goal);
  const tasks = name ? readBusyTasks(machine, waiting, 3).map(formatStuckTask) : [];
  const detail = tasks.length === 0 ? module : `waiting for ${tasks.join(', ')}`;
  progress({ stage, state: 'update', detail, done: total - waiting.length, total, unit: 'tasks' });
}

function formatStuckTask(task: BusyTask): string {
  const [place] = task.stack;
  return place === undefined ? formatTask(task) : `${formatTask(task)} in ${place}`;
}
