// Whether a struct is the kernel's own: an address means nothing on a wire, to a device or to a program, so a type with a pointer in it, or in what
// holds it, has an order of members that nobody else relies on.

import type { Btf } from '../btf/btf.js';
import { BTF_KIND } from '../btf/btf.layout.js';
import { layoutOf } from '../btf/struct-layout.js';
import { elementOf, isRecord } from './type-shape.js';

const MAX_DEPTH = 8;

export function isKernelObject(btf: Btf, id: number): boolean {
  return hasPointer(btf, id, 0) || findHolders(btf, id).some((holder) => hasPointer(btf, holder, 0));
}

function hasPointer(btf: Btf, id: number, depth: number): boolean {
  const type = elementOf(btf, id);
  if (type.kind === BTF_KIND.PTR) return true;
  if (!isRecord(type) || depth > MAX_DEPTH) return false;
  return layoutOf(btf, type.id).members.some(({ typeId }) => hasPointer(btf, typeId, depth + 1));
}

/** Structs and unions that hold one, not a pointer. */
function findHolders(btf: Btf, id: number): readonly number[] {
  const holders: number[] = [];
  for (let other = 1; other < btf.typeCount; other++) {
    const type = btf.type(other);
    if (!isRecord(type) || type.name === '') continue;
    if (layoutOf(btf, other).members.some(({ typeId }) => elementOf(btf, typeId).id === id))
      holders.push(other);
  }
  return holders;
}
