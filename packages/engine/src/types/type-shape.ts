// A struct or union as the members that code names, with what decides whether bytes that old code wrote mean the same to new code. Anonymous members
// are listed in their container, and those of a member without a type name (`struct { int a; } stats`) as `stats.a`.

import type { Btf, BtfType } from '../btf/btf.js';
import { BTF_KIND, btf_array } from '../btf/btf.layout.js';
import { layoutOf, type StructMember } from '../btf/struct-layout.js';

/** Nesting of members without a type name, and of types that are compared by what they hold. */
const MAX_DEPTH = 12;
/** btf.rst, BTF_KIND_INT: bits 24 to 27 are the encoding, 4 is BTF_INT_BOOL. */
const INT_BOOL = 4;

export interface TypeShape {
  /** In bytes. */
  readonly size: number;
  readonly members: readonly StructMember[];
}

/** The shape of a struct or union by its id. */
export function shapeOf(btf: Btf, id: number): TypeShape {
  const { size } = layoutOf(btf, id);
  return { size, members: expand(btf, id, 0) };
}

function expand(btf: Btf, id: number, depth: number): readonly StructMember[] {
  return layoutOf(btf, id).members.flatMap((member): readonly StructMember[] => {
    const inner = withoutQualifiers(btf, member.typeId);
    if (depth === MAX_DEPTH || !isRecord(inner) || inner.name !== '') return [member];
    return expand(btf, inner.id, depth + 1).map((leaf) => ({
      ...leaf,
      name: `${member.name}.${leaf.name}`,
      offsetBits: member.offsetBits + leaf.offsetBits,
    }));
  });
}

/** Whether a value of the type before, of the same size, is read as what it was by code that takes it for the type after. */
export function holdsSameValue(before: Btf, old: number, after: Btf, patched: number, depth = 0): boolean {
  const [a, b] = [before.resolve(old), after.resolve(patched)];
  if (depth > MAX_DEPTH) return false;
  if (a.kind === BTF_KIND.ARRAY || b.kind === BTF_KIND.ARRAY) {
    if (a.kind !== b.kind) return false;
    const [x, y] = [arrayOf(before, a), arrayOf(after, b)];
    return x.nelems === y.nelems && holdsSameValue(before, x.type, after, y.type, depth + 1);
  }
  if (isScalar(a) && isScalar(b)) {
    // A `bool` may only hold 0 or 1.
    return a.sizeOrType === b.sizeOrType && (isBool(before, a) || !isBool(after, b));
  }
  if (a.kind === BTF_KIND.PTR && b.kind === BTF_KIND.PTR)
    return pointsToSame(before, a.sizeOrType, after, b.sizeOrType, depth + 1);
  if (isRecord(a) && isRecord(b)) {
    if (a.name !== '' && a.name === b.name) return a.kind === b.kind;
    return hasSameContent(before, a, after, b, depth + 1);
  }
  return a.kind === b.kind && a.kind === BTF_KIND.FLOAT;
}

/** Pointers to functions: what they lead to is replaced as well when its code changes, so another signature is no other value. */
function pointsToSame(before: Btf, old: number, after: Btf, patched: number, depth: number): boolean {
  const [a, b] = [before.resolve(old), after.resolve(patched)];
  if (isTagged(a) && isTagged(b) && a.name !== '' && a.name === b.name) return true;
  if (a.kind === BTF_KIND.FUNC_PROTO || a.kind === BTF_KIND.UNKN) return a.kind === b.kind;
  if (a.kind === BTF_KIND.FWD || b.kind === BTF_KIND.FWD) return false;
  return holdsSameValue(before, a.id, after, b.id, depth);
}

/** A type that only changes its name: every member in its place. */
function hasSameContent(before: Btf, a: BtfType, after: Btf, b: BtfType, depth: number): boolean {
  const [x, y] = [layoutOf(before, a.id), layoutOf(after, b.id)];
  return (
    x.size === y.size &&
    x.members.length === y.members.length &&
    x.members.every((member, at) => {
      const other = y.members[at];
      return (
        other !== undefined &&
        member.offsetBits === other.offsetBits &&
        member.sizeBits === other.sizeBits &&
        holdsSameValue(before, member.typeId, after, other.typeId, depth)
      );
    })
  );
}

/** As C spells it, for people; nothing is decided by it. */
export function spellType(btf: Btf, id: number, depth = 0): string {
  const type = btf.type(id);
  if (depth > MAX_DEPTH) return '…';
  const inner = () => spellType(btf, type.sizeOrType, depth + 1);
  switch (type.kind) {
    case BTF_KIND.PTR:
      return btf.resolve(type.sizeOrType).kind === BTF_KIND.FUNC_PROTO ? 'function pointer' : `${inner()} *`;
    case BTF_KIND.ARRAY: {
      const { nelems, type: element } = arrayOf(btf, type);
      return `${spellType(btf, element, depth + 1)}[${nelems === 0 ? '' : nelems}]`;
    }
    case BTF_KIND.STRUCT:
      return `struct ${type.name || '{…}'}`;
    case BTF_KIND.UNION:
      return `union ${type.name || '{…}'}`;
    case BTF_KIND.FWD:
      return `${type.flag ? 'union' : 'struct'} ${type.name}`;
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64:
      return `enum ${type.name || '{…}'}`;
    case BTF_KIND.CONST:
    case BTF_KIND.VOLATILE:
    case BTF_KIND.RESTRICT:
    case BTF_KIND.TYPE_TAG:
      return inner();
    default:
      return type.name;
  }
}

/** Behind arrays, typedefs and qualifiers. */
export function elementOf(btf: Btf, id: number): BtfType {
  let type = btf.resolve(id);
  for (let depth = 0; type.kind === BTF_KIND.ARRAY && depth < MAX_DEPTH; depth++) {
    type = btf.resolve(arrayOf(btf, type).type);
  }
  return type;
}

export function isRecord({ kind }: BtfType): boolean {
  return kind === BTF_KIND.STRUCT || kind === BTF_KIND.UNION;
}

/** An object may only declare what another one defines. */
export function isTagged(type: BtfType): boolean {
  return isRecord(type) || type.kind === BTF_KIND.FWD;
}

function isScalar({ kind }: BtfType): boolean {
  return kind === BTF_KIND.INT || kind === BTF_KIND.ENUM || kind === BTF_KIND.ENUM64;
}

function isBool(btf: Btf, type: BtfType): boolean {
  return type.kind === BTF_KIND.INT && btf.body(type, 4).u32() >>> 24 === INT_BOOL;
}

export function arrayOf(btf: Btf, type: BtfType) {
  return btf_array.read(btf.body(type, btf_array.size));
}

/** A typedef stays: its name is the type's. */
function withoutQualifiers(btf: Btf, id: number): BtfType {
  let type = btf.type(id);
  for (let depth = 0; depth < MAX_DEPTH && isQualifier(type); depth++) type = btf.type(type.sizeOrType);
  return type;
}

function isQualifier({ kind }: BtfType): boolean {
  return kind === BTF_KIND.CONST || kind === BTF_KIND.VOLATILE || kind === BTF_KIND.TYPE_TAG;
}
