// A new member that makes a type larger, or moves the members behind it, often fits into bytes that the type leaves unused. Placed there, objects that
// exist keep their layout and hold zero for it. This finds the places; member-text.ts writes the members there, and the compiler has the last word.

import type { TypeShape } from './type-shape.js';

/** Bit fields of the kernel are `unsigned int`, and compilers write them by words. */
const UNIT = 32;

export interface AddedMember {
  readonly name: string;
  readonly sizeBits: number;
  readonly alignBits: number;
  /** Of a bit field: the others of its unit. It can only join those, for what is written together is under one lock. */
  readonly among: readonly string[] | undefined;
}

export interface Placement {
  readonly name: string;
  /** The member behind which it is declared. */
  readonly behind: string;
}

interface Hole {
  start: number;
  readonly end: number;
  /** The member that ends where the hole begins; members placed into it are declared one behind the other. */
  behind: string;
  /** Bit fields of the unit that ends here; empty when the member before is none. */
  readonly bits: readonly string[];
}

/** A place for each of the members in unused bytes of the shape, or undefined when one has none. */
export function placeMembers(
  before: TypeShape,
  isBits: (name: string) => boolean,
  added: readonly AddedMember[],
): readonly Placement[] | undefined {
  const holes = findHoles(before, isBits);
  const placements: Placement[] = [];
  for (const member of [...added].sort((a, b) => b.alignBits - a.alignBits || b.sizeBits - a.sizeBits)) {
    const fitting = holes
      .flatMap((hole) => {
        const { among } = member;
        // Old code may write a unit of bits as a whole.
        const start = hole.bits.length > 0 ? alignUp(hole.start, UNIT) : hole.start;
        const at = among === undefined ? alignUp(start, member.alignBits) : hole.start;
        const end = at + member.sizeBits;
        const joins =
          among === undefined || (among.some((name) => hole.bits.includes(name)) && isOneUnit(at, end));
        const fits = joins && end <= hole.end;
        return fits ? [{ hole, at, end }] : [];
      })
      .sort((a, b) => a.hole.end - a.hole.start - (b.hole.end - b.hole.start));
    const [best] = fitting;
    if (best === undefined) return undefined;
    const { hole, at, end } = best;
    placements.push({ name: member.name, behind: hole.behind });
    // What alignment leaves before it: a member that is declared later, and before this one.
    if (at > hole.start) holes.push({ ...hole, end: at });
    Object.assign(hole, { start: end, behind: member.name });
  }
  return placements;
}

/** In the order of the layout. */
function findHoles({ size, members }: TypeShape, isBits: (name: string) => boolean): Hole[] {
  const ordered = [...members].sort((a, b) => a.offsetBits - b.offsetBits);
  const holes: Hole[] = [];
  const unitOf = (at: number) => listUnit(members, isBits, at - 1);
  let end = 0;
  let last: string | undefined;
  for (const { name, offsetBits, sizeBits } of ordered) {
    if (last !== undefined && offsetBits > end)
      holes.push({ start: end, end: offsetBits, behind: last, bits: unitOf(end) });
    if (offsetBits + sizeBits >= end) {
      end = offsetBits + sizeBits;
      last = name;
    }
  }
  // Behind a flexible array there is no room.
  const flexible = ordered.at(-1)?.sizeBits === 0;
  if (last !== undefined && size * 8 > end && !flexible)
    holes.push({ start: end, end: size * 8, behind: last, bits: unitOf(end) });
  return holes;
}

function isOneUnit(start: number, end: number): boolean {
  return Math.floor(start / UNIT) === Math.floor((end - 1) / UNIT);
}

/** The bit fields in the unit of a bit. */
export function listUnit(
  members: TypeShape['members'],
  isBits: (name: string) => boolean,
  bit: number,
): readonly string[] {
  const unit = Math.floor(bit / UNIT);
  return members.flatMap(({ name, offsetBits }) =>
    isBits(name) && Math.floor(offsetBits / UNIT) === unit ? [name] : [],
  );
}

function alignUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}
