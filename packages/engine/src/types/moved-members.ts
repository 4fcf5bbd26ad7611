// Which members of a type are not where they were. While its size stays, nobody but code that names one of those, or a new one, can tell the
// difference. A member that keeps its place and changes its type counts as moved: the compiler makes other code of a signed and an unsigned `int`.

import type { Btf, BtfType } from '../btf/btf.js';
import { BTF_KIND, btf_param } from '../btf/btf.layout.js';
import { layoutOf, type StructLayout } from '../btf/struct-layout.js';
import { arrayOf, isTagged } from './type-shape.js';

/** Pointers to pointers, and members without a type name; beyond it types count as different. */
const MAX_DEPTH = 12;

/**
 * Names of the members that moved, went, or are of another type; empty when the type only gains members in unused bytes. Undefined when that does not
 * tell who is concerned: not exactly one struct or union of the tag on each side, another size, or a member without a name that moves.
 */
export function findMovedMembers(before: Btf, after: Btf, tag: string): readonly string[] | undefined {
  const [old, patched] = [findOnly(before, tag), findOnly(after, tag)];
  if (old === undefined || patched === undefined || old.size !== patched.size) return undefined;
  const moved = old.members.filter((member) => {
    const [now, ...more] = patched.members.filter(({ name }) => name === member.name);
    const isKept =
      more.length === 0 &&
      now?.offsetBits === member.offsetBits &&
      now.sizeBits === member.sizeBits &&
      isSameType([before, member.typeId], [after, now.typeId], 0);
    return !isKept;
  });
  const names = moved.map(({ name }) => name);
  return names.includes('') ? undefined : names;
}

function findOnly(btf: Btf, tag: string): StructLayout | undefined {
  const ids = [BTF_KIND.STRUCT, BTF_KIND.UNION].flatMap((kind) => btf.findTypeIds(kind, tag));
  const [id] = ids;
  return id === undefined || ids.length > 1 ? undefined : layoutOf(btf, id);
}

type Place = readonly [btf: Btf, id: number];

/** Down to names of structs, unions and enums, whose content is compared where they change themselves. */
function isSameType([before, old]: Place, [after, patched]: Place, depth: number): boolean {
  const [a, b] = [before.type(old), after.type(patched)];
  if (depth > MAX_DEPTH) return false;
  if (isTagged(a) && isTagged(b) && a.name !== '') return a.name === b.name;
  if (a.kind !== b.kind || a.name !== b.name || a.count !== b.count) return false;
  const inner = (x: number, y: number) => isSameType([before, x], [after, y], depth + 1);
  switch (a.kind) {
    case BTF_KIND.UNKN:
      return true;
    case BTF_KIND.INT:
      return a.sizeOrType === b.sizeOrType && before.body(a, 4).u32() === after.body(b, 4).u32();
    case BTF_KIND.ARRAY: {
      const [x, y] = [arrayOf(before, a), arrayOf(after, b)];
      return x.nelems === y.nelems && inner(x.type, y.type);
    }
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION: {
      const [x, y] = [layoutOf(before, a.id), layoutOf(after, b.id)];
      return (
        x.size === y.size &&
        x.members.every((member, at) => {
          const other = y.members[at];
          return (
            other?.name === member.name &&
            other.offsetBits === member.offsetBits &&
            other.sizeBits === member.sizeBits &&
            inner(member.typeId, other.typeId)
          );
        })
      );
    }
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64:
    case BTF_KIND.FLOAT:
      return a.sizeOrType === b.sizeOrType;
    case BTF_KIND.FUNC_PROTO: {
      const [x, y] = [parametersOf(before, a), parametersOf(after, b)];
      return inner(a.sizeOrType, b.sizeOrType) && x.every((type, at) => inner(type, y[at] ?? 0));
    }
    default:
      return inner(a.sizeOrType, b.sizeOrType);
  }
}

function parametersOf(btf: Btf, type: BtfType): readonly number[] {
  const reader = btf.body(type, type.count * btf_param.size);
  return Array.from({ length: type.count }, () => btf_param.read(reader).type);
}
