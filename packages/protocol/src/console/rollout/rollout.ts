// The way of some updates through the rings of a plan, as people see it. Which steps there are is decided in packages/server/src/rollout/decide.ts.

import { z } from 'zod';
import { UpdateId } from '../../report.js';
import { Moment } from '../value.js';
import { RolloutGates, RolloutRing } from './plan.js';

const Count = z.number().int().nonnegative();

/** `waiting` for its first moment → `rolling` (ring 0, 1, …) → `everywhere`; `halted` and `withdrawn` from any of them. */
export const RolloutState = z.enum(['waiting', 'rolling', 'halted', 'everywhere', 'withdrawn']);
export type RolloutState = z.infer<typeof RolloutState>;

/**
 * What a machine says about the updates of a roll-out. `bad-health`, `crash-loop`, `failed` and, if the plan says so, `lost` speak against it.
 * `refused`: a check said no and nothing was done. `watching`: applied, and within the minutes after it.
 */
export const RolloutSignal = z.enum(['bad-health', 'crash-loop', 'failed', 'lost']);
export type RolloutSignal = z.infer<typeof RolloutSignal>;

/** Machines that have not been counted in an earlier ring. Only those whose kernel one of the updates is for. */
export const RingFigures = z.object({
  machines: Count,
  good: Count,
  watching: Count,
  bad: Count,
  refused: Count,
  /** Have not reported the update in any way yet. */
  pending: Count,
  /** Of all these, how many are silent. */
  silent: Count,
});
export type RingFigures = z.infer<typeof RingFigures>;

export const RolloutHalt = z.object({
  at: Moment,
  /** `the gates`, or who did it. */
  by: z.string(),
  why: z.string(),
  /** Machines take the updates back; else those that have them keep them. */
  takeBack: z.boolean(),
  signals: z.array(z.object({ signal: RolloutSignal, machine: z.uuid() })),
});
export type RolloutHalt = z.infer<typeof RolloutHalt>;

export const Rollout = z.object({
  id: z.uuid(),
  name: z.string(),
  updates: z.array(UpdateId),
  plan: z.string(),
  state: RolloutState,
  /** Index of the last ring that is open; -1 before the first. */
  ring: z.number().int().min(-1),
  ringSince: Moment,
  startsAt: Moment,
  rings: z.array(RolloutRing.extend({ figures: RingFigures })),
  gates: RolloutGates,
  /** When the next ring can be opened at the earliest, and in words what is missing besides time. */
  next: z.object({ at: Moment.nullable(), waitsFor: z.array(z.string()) }),
  halt: RolloutHalt.nullable(),
  changedAt: Moment,
  changedBy: z.string(),
});
export type Rollout = z.infer<typeof Rollout>;

export const StartRollout = z.object({
  name: z.string().trim().min(1).max(200),
  updates: z.array(UpdateId).min(1).max(500),
  /** Name of a plan. Changes of the plan later on do not reach a roll-out that was started. */
  plan: z.string(),
  startsAt: Moment.optional(),
});
export type StartRollout = z.infer<typeof StartRollout>;
