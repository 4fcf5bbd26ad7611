// The next step of a roll-out, as a function of where it is, of what the machines say, and of the clock. Nothing else decides: a job asks it again
// and again (rollout/advance.ts), and asking twice makes no difference.
//
// One step at a time, so that every ring that is opened is seen, written down and told. Halting comes before everything that opens, and nothing but
// a person ends a halt.

import type { RolloutGates, RolloutRing, RolloutState } from '@resplice/protocol/console';
import type { Evidence } from './evidence.js';

export interface RolloutPosition {
  readonly state: RolloutState;
  /** -1 before the first ring. */
  readonly ring: number;
  readonly ringSince: Date;
  readonly startsAt: Date;
  readonly rings: readonly RolloutRing[];
  readonly gates: RolloutGates;
}

export type Step =
  | { readonly kind: 'open'; readonly ring: number }
  | { readonly kind: 'halt'; readonly why: string }
  | { readonly kind: 'finish' }
  | { readonly kind: 'withdraw' }
  | {
      readonly kind: 'wait';
      /** The earliest moment of the next step; null when it is up to a person, or there is none. */
      readonly at: Date | null;
      readonly waitsFor: readonly string[];
    };

/** `withdrawn`: none of its updates is in force any more: each was withdrawn, or is gone from the repository. */
export function decideRollout(
  position: RolloutPosition,
  evidence: Evidence,
  { now, withdrawn }: { readonly now: Date; readonly withdrawn: boolean },
): Step {
  const { state, ring, startsAt, rings } = position;
  if (state === 'withdrawn') return NOTHING;
  if (withdrawn) return { kind: 'withdraw' };
  if (state === 'everywhere') return NOTHING;
  if (state === 'halted') return { kind: 'wait', at: null, waitsFor: ['somebody to resume or withdraw it'] };
  if (state === 'waiting')
    return now < startsAt ? { kind: 'wait', at: startsAt, waitsFor: [] } : { kind: 'open', ring: 0 };
  const why = whyHalt(position, evidence);
  if (why !== undefined) return { kind: 'halt', why };
  const wait = whatIsMissing(position, evidence);
  if (wait.at > now || wait.waitsFor.length > 0) return { kind: 'wait', ...wait };
  return nextStep(ring, rings);
}

/** What a person who does not want to wait gets. */
export function nextStep(ring: number, rings: readonly RolloutRing[]): Step {
  return ring + 1 < rings.length ? { kind: 'open', ring: ring + 1 } : { kind: 'finish' };
}

const NOTHING: Step = { kind: 'wait', at: null, waitsFor: [] };

function whyHalt({ ring, rings, gates }: RolloutPosition, { bad, signals, rings: figures }: Evidence) {
  const machines = figures.slice(0, ring + 1).reduce((total, each) => total + each.machines, 0);
  const tolerated = Math.max(gates.tolerate, Math.floor((gates.toleratePercent / 100) * machines));
  if (bad <= tolerated) return undefined;
  const kinds = [...new Set(signals.map(({ signal }) => signal))].sort().join(', ');
  const name = rings[ring]?.name ?? '';
  const speak = bad === 1 ? '1 machine speaks' : `${bad} machines speak`;
  return `${speak} against it (${kinds}), ${tolerated} tolerated, in ring ${name} with ${machines} machines in the open rings`;
}

function whatIsMissing({ ring, rings, ringSince }: RolloutPosition, { rings: figures }: Evidence) {
  const { waitHours, minMachines } = rings[ring] ?? { waitHours: 0, minMachines: 0 };
  const { machines, good } = figures[ring] ?? { machines: 0, good: 0 };
  const at = new Date(ringSince.getTime() + waitHours * 3_600_000);
  if (good >= minMachines) return { at, waitsFor: [] };
  const few = machines < minMachines ? `; the ring has only ${machines} that it concerns` : '';
  return { at, waitsFor: [`good health on ${minMachines} machines of the ring, ${good} so far${few}`] };
}
