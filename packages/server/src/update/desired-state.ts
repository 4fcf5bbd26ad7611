// What a machine shall have, as a function of what is published, released and withdrawn, and of where the machine belongs.
//
// A ring is how early a machine gets an update: 0 first. An update is released up to a ring; machines without a group are in
// the last one, so that nobody tries things on machines that were not put anywhere. An update that is on its way by a plan has an audience
// instead (rollout/audience.ts).

import type { DesiredState, InstallMode, MachineState } from '@resplice/protocol';
import type { Audience } from '../database/schema.js';
import { type AudienceMember, isInAudience } from '../rollout/audience.js';

export { LAST_RING } from '@resplice/protocol/console';

export interface Rollout {
  /** While it is on its way by a plan: those who have it released; the ring says nothing then. */
  readonly audience?: Audience | undefined;
  /** Released to the rings up to this one; -1 to none. */
  readonly ring: number;
  /** Machines take it back: withdrawn, or halted on its way. */
  readonly withdrawn: boolean;
}

export interface DesireSubject extends AudienceMember {
  readonly state: MachineState;
  readonly mode: InstallMode | null;
  readonly ring: number;
  /** Ids of updates that the machine reports. */
  readonly reported: readonly string[];
}

export interface ReleaseState {
  /** Ids published for the machine's kernel build. */
  readonly published: readonly string[];
  readonly rollouts: ReadonlyMap<string, Rollout>;
  /** Of an update that nobody has decided on. */
  readonly defaultRing: number;
}

export function desiredStateOf(machine: DesireSubject, release: ReleaseState): DesiredState {
  if (machine.state !== 'active') return { mode: 'off', updates: [], except: [], remove: [] };
  const known = [...new Set([...release.published, ...machine.reported])].sort();
  const remove = known.filter((id) => release.rollouts.get(id)?.withdrawn === true);
  const except = release.published.filter((id) => !remove.includes(id) && !isReleased(release, id, machine));
  return { mode: machine.mode, updates: 'all', except, remove };
}

function isReleased(
  { rollouts, defaultRing }: Omit<ReleaseState, 'published'>,
  id: string,
  machine: DesireSubject,
): boolean {
  const rollout = rollouts.get(id);
  if (rollout?.audience !== undefined) return isInAudience(machine, rollout.audience);
  return (rollout?.ring ?? defaultRing) >= machine.ring;
}
