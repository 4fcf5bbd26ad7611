// Sizes and member offsets of one structure, as the target kernel was compiled. Members of anonymous structs and unions are
// listed as members of the structure that contains them, as C lets one name them (`alt_instr.flags` lies in such a union).

import { InputError } from '@resplice/report';
import type { Btf, BtfType } from './btf.js';
import { BTF_KIND, btf_enum, btf_enum64, btf_member } from './btf.layout.js';

/** Anonymous members nest three or four deep in the kernel. */
const MAX_NESTING = 32;
/** The largest kernel structures have a few hundred members. */
const MAX_MEMBERS = 65_536;

export interface StructMember {
  readonly name: string;
  readonly offsetBits: number;
  readonly sizeBits: number;
  readonly typeId: number;
}

export interface StructLayout {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** In the order of declaration, those of anonymous members in their place. */
  readonly members: readonly StructMember[];
}

/** A member that occupies whole bytes. */
export interface ByteMember {
  readonly offset: number;
  readonly size: number;
}

/**
 * The struct of this name, or undefined when the kernel has none.
 * Several different structs of one name are an `InputError`: picking one would be a guess.
 */
export function findStruct(btf: Btf, name: string): StructLayout | undefined {
  const layouts = btf.findTypeIds(BTF_KIND.STRUCT, name).map((id) => layoutOf(btf, id));
  const [first, ...others] = layouts;
  if (first === undefined) return undefined;
  if (others.some((other) => !isSameLayout(first, other))) {
    throw new InputError(
      'struct-ambiguous',
      `struct ${name}: expected one definition in the kernel's type information, got ${layouts.length} that differ`,
    );
  }
  return first;
}

/** As `findStruct`, for a structure that the kernel must have. */
export function requireStruct(btf: Btf, name: string): StructLayout {
  const layout = findStruct(btf, name);
  if (layout !== undefined) return layout;
  throw new InputError(
    'struct-missing',
    `struct ${name} is not in the kernel's type information; this kernel is not supported, or its .BTF is incomplete`,
  );
}

/** The member of this name, which must exist and lie on byte boundaries. */
export function requireMember(layout: StructLayout, name: string): ByteMember {
  const member = layout.members.find((candidate) => candidate.name === name);
  if (member === undefined) {
    const names = layout.members.map((candidate) => candidate.name).join(', ');
    throw new InputError(
      'struct-member-missing',
      `struct ${layout.name} has no member ${name}; expected it, got ${names || 'no members'}`,
    );
  }
  if (member.offsetBits % 8 !== 0 || member.sizeBits % 8 !== 0) {
    throw new InputError('struct-member-is-bitfield', `struct ${layout.name}: ${name} is a bit field`);
  }
  return { offset: member.offsetBits / 8, size: member.sizeBits / 8 };
}

/** Names and values of an enum, or undefined when the kernel has none of this name. */
export function findEnum(btf: Btf, name: string): ReadonlyMap<string, bigint> | undefined {
  for (const kind of [BTF_KIND.ENUM, BTF_KIND.ENUM64]) {
    const [id] = btf.findTypeIds(kind, name);
    if (id !== undefined) return enumValuesOf(btf, btf.type(id));
  }
  return undefined;
}

/** The layout of a struct or union by its type id. */
export function layoutOf(btf: Btf, id: number): StructLayout {
  const type = btf.resolve(id);
  const members: StructMember[] = [];
  collectMembers(btf, type, { members, visited: { count: 0 }, baseBits: 0, depth: 0 });
  return { name: type.name, size: type.sizeOrType, members };
}

interface Collection {
  readonly members: StructMember[];
  /** All members looked at, so that anonymous ones without any leaf cannot multiply without end. */
  readonly visited: { count: number };
  readonly baseBits: number;
  readonly depth: number;
}

function collectMembers(btf: Btf, type: BtfType, into: Collection): void {
  if (type.kind !== BTF_KIND.STRUCT && type.kind !== BTF_KIND.UNION) {
    throw new InputError(
      'not-a-struct',
      `type ${type.id} (${type.name}) is no struct or union; got kind ${type.kind}`,
    );
  }
  into.visited.count += type.count;
  if (into.depth > MAX_NESTING || into.visited.count > MAX_MEMBERS) {
    throw new InputError(
      'btf-type-loop',
      `struct ${type.name || type.id} contains itself or has absurdly many members`,
    );
  }
  const reader = btf.body(type, type.count * btf_member.size);
  for (let i = 0; i < type.count; i++) {
    const member = btf_member.read(reader);
    const name = btf.string(member.name_off);
    // With the type's flag set the offset's top byte is the size of a bit field, 0 for an ordinary member.
    const bitfieldSize = type.flag ? member.offset >>> 24 : 0;
    const offsetBits = into.baseBits + (type.flag ? member.offset & 0xffffff : member.offset);
    const inner = name === '' ? btf.resolve(member.type) : undefined;
    if (inner?.kind === BTF_KIND.STRUCT || inner?.kind === BTF_KIND.UNION) {
      collectMembers(btf, inner, { ...into, baseBits: offsetBits, depth: into.depth + 1 });
    } else if (name !== '') {
      const sizeBits = bitfieldSize === 0 ? btf.sizeOf(member.type) * 8 : bitfieldSize;
      into.members.push({ name, offsetBits, sizeBits, typeId: member.type });
    }
  }
}

function isSameLayout(a: StructLayout, b: StructLayout): boolean {
  return (
    a.size === b.size &&
    a.members.length === b.members.length &&
    a.members.every((member, i) => {
      const other = b.members[i];
      return (
        other !== undefined &&
        member.name === other.name &&
        member.offsetBits === other.offsetBits &&
        member.sizeBits === other.sizeBits
      );
    })
  );
}

/** Names and values of an enum type. */
export function enumValuesOf(btf: Btf, type: BtfType): ReadonlyMap<string, bigint> {
  const values = new Map<string, bigint>();
  const wide = type.kind === BTF_KIND.ENUM64;
  const reader = btf.body(type, type.count * (wide ? btf_enum64.size : btf_enum.size));
  for (let i = 0; i < type.count; i++) {
    if (wide) {
      const { name_off, val_lo32, val_hi32 } = btf_enum64.read(reader);
      const bits = (BigInt(val_hi32) << 32n) | BigInt(val_lo32);
      values.set(btf.string(name_off), type.flag ? BigInt.asIntN(64, bits) : bits);
    } else {
      // The flag says that the enum is signed.
      const { name_off, val } = btf_enum.read(reader);
      values.set(btf.string(name_off), BigInt(type.flag ? val : val >>> 0));
    }
  }
  return values;
}
