// What a patch does to the objects of a type that exist while it is applied. New code reads old objects: each member that old code
// wrote must be where new code looks for it, and a new one must lie where nothing else did.

import type { Btf } from '../btf/btf.js';
import { BTF_KIND, btf_array } from '../btf/btf.layout.js';
import { layoutOf, type StructLayout, type StructMember } from '../btf/struct-layout.js';

export interface TypeChange {
  readonly tag: string;
  /** `layout`: existing objects cannot be read by new code. `initial-value`: they can, but zero bytes are no fit value of a new member. */
  readonly kind: 'layout' | 'initial-value' | 'compatible';
  /** One sentence on what was found. */
  readonly found: string;
}

/**
 * Structs whose zero bytes are a valid state, with this configuration's debugging options off; anything else, such as `list_head` or `mutex`,
 * has to be set up by code.
 */
const ZERO_IS_VALID = new Set([
  'callback_head',
  'rcu_head',
  'hlist_head',
  'hlist_node',
  'llist_head',
  'llist_node',
  'spinlock',
  'raw_spinlock',
  'rb_root',
]);

/** What became of the struct or union; undefined when one side does not have it or its layout is the same. */
export function compareType(before: Btf, after: Btf, tag: string): TypeChange | undefined {
  const [old, patched] = [findTypes(before, tag), findTypes(after, tag)];
  const [pre, post] = [old[0], patched[0]];
  if (pre === undefined || post === undefined) return undefined;
  if (pre.size !== post.size) {
    return {
      tag,
      kind: 'layout',
      found: `its size is ${pre.size} bytes before and ${post.size} after the patch${listNew(pre, post)}`,
    };
  }
  const moved = pre.members.find((member) => !keepsPlace(before, after, member, post));
  if (moved !== undefined) {
    const now = post.members.find(({ name }) => name === moved.name);
    const rest =
      now === undefined
        ? 'its place is used for something else'
        : `it is now at ${describePlace(now)}, or of another type`;
    return { tag, kind: 'layout', found: `member ${moved.name} was at ${describePlace(moved)}; ${rest}` };
  }
  const added = post.members.filter(({ name }) => !pre.members.some((member) => member.name === name));
  const fresh = added.filter(
    (member) =>
      !pre.members.some((old) => old.offsetBits === member.offsetBits && old.sizeBits === member.sizeBits),
  );
  if (fresh.length === 0) return undefined;
  const names = fresh.map((member) => `${member.name} at ${describePlace(member)}`).join(', ');
  const unfit = fresh.filter(
    (member) => !isZeroValid(after, member.typeId) || pre.members.some((other) => overlaps(member, other)),
  );
  if (unfit.length > 0) {
    const list = unfit.map((member) => `${member.name} at ${describePlace(member)}`).join(', ');
    const found = `objects that exist have no fit value for ${list}: zero bytes do not set it up, or another member shares them`;
    return { tag, kind: 'initial-value', found };
  }
  return { tag, kind: 'compatible', found: `new in unused bytes: ${names}` };
}

function findTypes(btf: Btf, tag: string): readonly StructLayout[] {
  return [BTF_KIND.STRUCT, BTF_KIND.UNION].flatMap((kind) =>
    btf.findTypeIds(kind, tag).map((id) => layoutOf(btf, id)),
  );
}

/** Whether what stood here is still here, under any name, or nothing is. */
function keepsPlace(before: Btf, after: Btf, member: StructMember, post: StructLayout): boolean {
  const named = post.members.find(({ name }) => name === member.name);
  if (named !== undefined) {
    return (
      named.offsetBits === member.offsetBits &&
      named.sizeBits === member.sizeBits &&
      describeType(before, member.typeId) === describeType(after, named.typeId)
    );
  }
  const end = member.offsetBits + member.sizeBits;
  const here = post.members.filter(
    (other) => other.offsetBits < end && other.offsetBits + other.sizeBits > member.offsetBits,
  );
  return here.every(
    (other) =>
      other.offsetBits === member.offsetBits &&
      other.sizeBits === member.sizeBits &&
      describeType(before, member.typeId) === describeType(after, other.typeId),
  );
}

function overlaps(a: StructMember, b: StructMember): boolean {
  return a.offsetBits < b.offsetBits + b.sizeBits && b.offsetBits < a.offsetBits + a.sizeBits;
}

/** Scalars of one size hold each other's values, pointers too; structs are told by their tag. */
function describeType(btf: Btf, id: number): string {
  const type = elementOf(btf, id);
  if (type.kind === BTF_KIND.STRUCT || type.kind === BTF_KIND.UNION)
    return `struct ${type.name} ${type.sizeOrType}`;
  return type.kind === BTF_KIND.PTR ? 'pointer' : 'scalar';
}

function isZeroValid(btf: Btf, id: number): boolean {
  const type = elementOf(btf, id);
  if (type.kind !== BTF_KIND.STRUCT && type.kind !== BTF_KIND.UNION) return true;
  // `atomic_t` and `kuid_t` are typedefs of a struct without tag around one integer.
  if (ZERO_IS_VALID.has(type.name)) return true;
  return type.name === '' && layoutOf(btf, type.id).members.every(({ typeId }) => isZeroValid(btf, typeId));
}

/** Behind typedefs and arrays; sizes have bounded the nesting already. */
function elementOf(btf: Btf, id: number) {
  let type = btf.resolve(id);
  for (let depth = 0; type.kind === BTF_KIND.ARRAY && depth < 64; depth++) {
    type = btf.resolve(btf_array.read(btf.body(type, btf_array.size)).type);
  }
  return type;
}

function listNew(pre: StructLayout, post: StructLayout): string {
  const names = post.members.filter(({ name }) => !pre.members.some((member) => member.name === name));
  return names.length === 0
    ? ''
    : `; new: ${names.map((member) => `${member.name} at ${describePlace(member)}`).join(', ')}`;
}

function describePlace({ offsetBits, sizeBits }: StructMember): string {
  return sizeBits % 8 === 0 && offsetBits % 8 === 0
    ? `offset ${offsetBits / 8} (${sizeBits / 8} bytes)`
    : `bit ${offsetBits} (${sizeBits} bits)`;
}
