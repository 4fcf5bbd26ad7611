// Which tasks the kernel has not yet switched to (or from) a live patch, and where each is stuck.
// Source: Linux Documentation/livepatch/livepatch.rst, "Consistency model": /proc/PID/task/TID/patch_state is -1 outside of a
// transition, 0 for a task in the old world, 1 for one in the new.

import { type Machine, readText } from '../machine/machine.js';

export interface BusyTask {
  readonly pid: number;
  readonly tid: number;
  readonly command: string;
  /** Innermost first, as `function+0x1c/0x90`; empty when the kernel does not tell. */
  readonly stack: readonly string[];
}

export interface TaskCensus {
  /** Tasks that take part in the transition. */
  readonly total: number;
  readonly waiting: readonly { readonly pid: number; readonly tid: number }[];
}

/** Idle tasks of the processors are not in /proc, so a transition may still run while nobody is waiting here. */
export function countTasks(machine: Machine, goal: 'patched' | 'unpatched'): TaskCensus {
  const target = goal === 'patched' ? '1' : '0';
  const waiting: { pid: number; tid: number }[] = [];
  let total = 0;
  for (const pid of machine.listDirectory('/proc') ?? []) {
    if (!/^\d+$/.test(pid)) continue;
    for (const tid of machine.listDirectory(`/proc/${pid}/task`) ?? []) {
      const state = readText(machine, `/proc/${pid}/task/${tid}/patch_state`);
      // Undefined when the task ended meanwhile.
      if (state === undefined) continue;
      total += 1;
      if (state !== '-1' && state !== target) waiting.push({ pid: Number(pid), tid: Number(tid) });
    }
  }
  return { total, waiting };
}

/** Name and stack of each; a task that ended meanwhile is left out. */
export function readBusyTasks(
  machine: Machine,
  waiting: TaskCensus['waiting'],
  limit = 10,
): readonly BusyTask[] {
  const tasks: BusyTask[] = [];
  for (const { pid, tid } of waiting.slice(0, limit)) {
    const directory = `/proc/${pid}/task/${tid}`;
    const command = readText(machine, `${directory}/comm`);
    if (command === undefined) continue;
    tasks.push({ pid, tid, command, stack: parseStack(readText(machine, `${directory}/stack`) ?? '') });
  }
  return tasks;
}

/** The frames of lines such as `[<0>] do_wait+0x160/0x2f0`. */
export function parseStack(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => /^\[<[0-9a-f]+>\] (\S.*)$/.exec(line)?.[1] ?? []);
}

/** `cat (pid 166)`, with the thread when it is not the main one. */
export function formatTask({ pid, tid, command }: BusyTask): string {
  return tid === pid ? `${command} (pid ${pid})` : `${command} (pid ${pid}, thread ${tid})`;
}

/** Lines for people: each task followed by its stack. */
export function formatTasks(tasks: readonly BusyTask[]): readonly string[] {
  return tasks.flatMap((task) => [formatTask(task), ...task.stack.map((frame) => `    ${frame}`)]);
}
