// What the references of a function do: transfer control, take an address, or read and write memory.

import type { Side } from './compare.js';
import type { Definition, Reference } from './definition.js';

/** Offsets of the operands of direct branches in a function. */
export function branchOperands(side: Side, user: Definition): ReadonlySet<number> {
  const offsets = new Set<number>();
  if (user.kind !== 'function') return offsets;
  for (const { branch, immediate, offset } of side.object.instructionsOf(user)) {
    if (branch !== 'other' && immediate !== undefined) offsets.add(offset + immediate.at);
  }
  return offsets;
}

/** True for an address as a value: in data, as an immediate operand, or from `lea`; false for a memory operand. */
export function takesAddress(side: Side, user: Definition, reference: Reference): boolean {
  if (user.kind !== 'function') return true;
  const instruction = side.object
    .instructionsOf(user)
    .find(({ offset, length }) => reference.offset >= offset && reference.offset < offset + length);
  const { displacement } = instruction ?? {};
  if (instruction === undefined || displacement === undefined) return true;
  if (instruction.offset + displacement.at !== reference.offset) return true;
  return isLea(side.object.bytesOf(user), instruction.offset);
}

/** Opcode 8d, behind a REX prefix if any. */
function isLea(code: Uint8Array, offset: number): boolean {
  const hasRex = ((code[offset] ?? 0) & 0xf0) === 0x40;
  return code[offset + (hasRex ? 1 : 0)] === 0x8d;
}
