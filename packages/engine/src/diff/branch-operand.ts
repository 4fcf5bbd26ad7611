// Which references of a function transfer control, and which only take an address.

import type { Side } from './compare.js';
import type { Definition } from './definition.js';

/** Offsets of the operands of direct branches in a function. */
export function branchOperands(side: Side, user: Definition): ReadonlySet<number> {
  const offsets = new Set<number>();
  if (user.kind !== 'function') return offsets;
  for (const { branch, immediate, offset } of side.object.instructionsOf(user)) {
    if (branch !== 'other' && immediate !== undefined) offsets.add(offset + immediate.at);
  }
  return offsets;
}
