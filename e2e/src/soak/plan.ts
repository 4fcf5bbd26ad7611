// What a soak is: cycles of applying and undoing a set of updates while the guest is busy, and what came of it.

export const SOAK_PLAN = '/soak/plan.json';
export const LOAD = '/soak/load';
/** Loaded and unloaded all the time. */
export const MODULE = 'dummy';

export interface SoakUpdate {
  readonly id: string;
  /** In the guest. */
  readonly file: string;
}

export interface SoakPlan {
  /** By engine, in the order in which they are applied. */
  readonly sets: Readonly<Record<string, readonly SoakUpdate[]>>;
  /** Of each set. */
  readonly cycles: number;
  /** Chooses which commands are killed, and when. */
  readonly seed: number;
  /** The command, without its arguments; and tool-guest.ts, which stays and gets most of them. */
  readonly command: readonly string[];
  readonly resident: readonly string[];
}

/** What a command said: its exit status, and what matters when that is not 0. */
export interface ToolAnswer {
  readonly status: number;
  readonly output: string;
}

export interface SoakCount {
  /** Cycles of each set. */
  readonly cycles: number;
  readonly commands: number;
  readonly kills: number;
  /** Commands that were refused because a task was in the way, and given again. */
  readonly busy: number;
  /** Bytes that the kernel holds more than before: memory of modules and stacks, per-CPU memory, slabs that cannot be reclaimed. */
  readonly growth: { readonly vmalloc: number; readonly percpu: number; readonly slab: number };
}
