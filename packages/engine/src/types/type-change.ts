// What a patch does to one type whose objects exist while it is applied. New code reads old objects: each member that old code wrote must
// be where new code looks for it, and a new one must lie where nothing else did.

import type { Btf } from '../btf/btf.js';
import { BTF_KIND } from '../btf/btf.layout.js';
import { layoutOf, type StructMember } from '../btf/struct-layout.js';
import { listUnit, type Placement, placeMembers } from './member-place.js';
import { elementOf, holdsSameValue, isRecord, shapeOf, spellType, type TypeShape } from './type-shape.js';

/**
 * From the least to the worst:
 * `removed` a member goes, and nothing takes its place;
 * `padding` new members lie in unused bytes, and zero is a fit value of each;
 * `renamed` a member gives its place to one of another name: the same value, or another meaning;
 * `initial-value` existing objects have no fit value for a new member;
 * `layout` existing objects cannot be read by new code.
 */
export type ChangeKind = 'removed' | 'padding' | 'renamed' | 'initial-value' | 'layout';

export interface MemberChange {
  readonly name: string;
  readonly change: 'added' | 'removed' | 'renamed' | 'moved' | 'retyped';
  /** `int at offset 8 (4 bytes)`; null when that side does not have it. */
  readonly before: string | null;
  readonly after: string | null;
  /** The name after the patch of a renamed member. */
  readonly newName?: string;
}

export interface MemberPlaces {
  /** Where new members go: into bytes that existing objects leave unused. */
  readonly added: readonly Placement[];
  /** Members that go, and have to keep their place. */
  readonly kept: readonly string[];
}

export interface TypeChange {
  /** `struct eventpoll`, or the name of a typedef. */
  readonly type: string;
  readonly kind: ChangeKind;
  readonly sizeBefore: number;
  readonly sizeAfter: number;
  /** Everything that is where it was is left out. */
  readonly members: readonly MemberChange[];
  /** One sentence on what was found. */
  readonly found: string;
  /** How the type can keep the layout that existing objects have; undefined when it cannot, or when more changes than members that come and go. */
  readonly places: MemberPlaces | undefined;
}

/**
 * Structs whose zero bytes are a valid state, with this configuration's debugging options off; anything else, such as `list_head`, `mutex` or a
 * pointer, has to be set up by code. Real example: `invalid_bitset` of dm-cache's `struct cache`, made by the constructor and used unasked.
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

/** What became of a struct or union, by its ids on both sides; undefined when code that runs sees no difference. */
export function compareRecord(
  type: string,
  [before, old]: readonly [Btf, number],
  [after, patched]: readonly [Btf, number],
): TypeChange | undefined {
  const [pre, post] = [shapeOf(before, old), shapeOf(after, patched)];
  const comparison = new Comparison(before, after, pre, post);
  const { members, kind } = comparison;
  if (kind === undefined) return undefined;
  const sizes = { sizeBefore: pre.size, sizeAfter: post.size };
  const found = describe(kind, sizes, members);
  return { type, kind, ...sizes, members, found, places: comparison.findPlaces() };
}

class Comparison {
  readonly members: readonly MemberChange[];
  readonly kind: ChangeKind | undefined;

  constructor(
    readonly before: Btf,
    readonly after: Btf,
    readonly pre: TypeShape,
    readonly post: TypeShape,
  ) {
    const preNames = new Map(pre.members.map((member) => [member.name, member]));
    const postNames = new Map(post.members.map((member) => [member.name, member]));
    const added = post.members.filter(({ name }) => !preNames.has(name));
    const removed = pre.members.filter(({ name }) => !postNames.has(name));
    const kinds = new Set<ChangeKind>();
    if (pre.size !== post.size) kinds.add('layout');
    const list: MemberChange[] = [];
    for (const member of pre.members) {
      const now = postNames.get(member.name);
      if (now === undefined) continue;
      const same = member.sizeBits === now.sizeBits && this.#isSame(member, now);
      const change = !same ? 'retyped' : isSamePlace(member, now) ? undefined : ('moved' as const);
      if (change === undefined) continue;
      kinds.add('layout');
      list.push({ name: member.name, change, before: this.#tellOld(member), after: this.#tellNew(now) });
    }
    const taken = new Set<StructMember>();
    for (const member of removed) {
      const heirs = added.filter((other) => overlaps(member, other));
      const [heir] = heirs;
      const kept =
        heirs.length === 1 && heir !== undefined && isSamePlace(member, heir) && this.#isSame(member, heir);
      for (const each of heirs) taken.add(each);
      kinds.add(heirs.length === 0 ? 'removed' : kept ? 'renamed' : 'layout');
      list.push({
        name: member.name,
        change: kept ? 'renamed' : 'removed',
        before: this.#tellOld(member),
        after: heir === undefined ? null : this.#tellNew(heir),
        ...(heir === undefined ? {} : { newName: heir.name }),
      });
    }
    for (const member of added) {
      if (taken.has(member)) continue;
      const fits = this.#isZeroValid(member.typeId) && !pre.members.some((other) => overlaps(member, other));
      // An empty struct, a flexible array: nothing is read by itself.
      if (member.sizeBits > 0) kinds.add(fits ? 'padding' : 'initial-value');
      if (member.sizeBits > 0)
        list.push({ name: member.name, change: 'added', before: null, after: this.#tellNew(member) });
    }
    this.members = list;
    this.kind = (['layout', 'initial-value', 'renamed', 'padding', 'removed'] as const).find((kind) =>
      kinds.has(kind),
    );
  }

  /** Only when all else just moves because of members that come or go. */
  findPlaces(): MemberPlaces | undefined {
    const listed = (wanted: MemberChange['change']) =>
      this.members.flatMap(({ name, change }) => (change === wanted ? [name] : []));
    const names = new Set(this.post.members.map(({ name }) => name));
    for (const { name } of this.pre.members) names.delete(name);
    const kept = listed('removed');
    if (listed('renamed').length + listed('retyped').length > 0 || names.size + kept.length === 0)
      return undefined;
    const added = this.post.members.filter(({ name, sizeBits }) => names.has(name) && sizeBits > 0);
    if (!added.every(({ typeId }) => this.#isZeroValid(typeId))) return undefined;
    const bitsOf = (btf: Btf, { members }: TypeShape) => {
      const bits = new Set(members.filter((member) => isBits(btf, member)).map(({ name }) => name));
      return (name: string) => bits.has(name);
    };
    const isNewBits = bitsOf(this.after, this.post);
    const placed = placeMembers(
      this.pre,
      bitsOf(this.before, this.pre),
      added.map(({ name, sizeBits, offsetBits, typeId }) => ({
        name,
        sizeBits,
        alignBits: alignOf(this.after, typeId, 0) * 8,
        among: isNewBits(name) ? listUnit(this.post.members, isNewBits, offsetBits) : undefined,
      })),
    );
    return placed === undefined ? undefined : { added: placed, kept };
  }

  #isSame(a: StructMember, b: StructMember): boolean {
    return holdsSameValue(this.before, a.typeId, this.after, b.typeId);
  }

  #isZeroValid(id: number): boolean {
    return isZeroValid(this.after, id, 0);
  }

  #tellOld(member: StructMember): string {
    return tell(this.before, member);
  }

  #tellNew(member: StructMember): string {
    return tell(this.after, member);
  }
}

function isZeroValid(btf: Btf, id: number, depth: number): boolean {
  const type = elementOf(btf, id);
  // New code follows a pointer that its own constructor would have set, or calls it.
  if (!isRecord(type)) return type.kind !== BTF_KIND.PTR;
  // `atomic_t` and `kuid_t` are typedefs of a struct without tag around one integer.
  if (ZERO_IS_VALID.has(type.name)) return true;
  if (type.name !== '' || depth > 8) return false;
  return layoutOf(btf, type.id).members.every(({ typeId }) => isZeroValid(btf, typeId, depth + 1));
}

function isBits(btf: Btf, { typeId, sizeBits }: StructMember): boolean {
  return sizeBits !== 0 && sizeBits !== btf.sizeOf(typeId) * 8;
}

/** In bytes, without attributes: too small a guess is found out when the result is compiled. */
function alignOf(btf: Btf, id: number, depth: number): number {
  const type = elementOf(btf, id);
  if (!isRecord(type) || depth > 8) return Math.min(8, Math.max(1, btf.sizeOf(type.id)));
  return layoutOf(btf, type.id).members.reduce(
    (most, { typeId }) => Math.max(most, alignOf(btf, typeId, depth + 1)),
    1,
  );
}

function isSamePlace(a: StructMember, b: StructMember): boolean {
  return a.offsetBits === b.offsetBits && a.sizeBits === b.sizeBits;
}

function overlaps(a: StructMember, b: StructMember): boolean {
  // A flexible array has no size and still is where it is.
  if (a.sizeBits === 0 && b.sizeBits === 0) return a.offsetBits === b.offsetBits;
  return a.offsetBits < b.offsetBits + b.sizeBits && b.offsetBits < a.offsetBits + a.sizeBits;
}

function tell(btf: Btf, { typeId, offsetBits, sizeBits }: StructMember): string {
  const place =
    sizeBits % 8 === 0 && offsetBits % 8 === 0
      ? `offset ${offsetBits / 8} (${sizeBits / 8} bytes)`
      : `bit ${offsetBits} (${sizeBits} bits)`;
  return `${spellType(btf, typeId)} at ${place}`;
}

type Sizes = Pick<TypeChange, 'sizeBefore' | 'sizeAfter'>;

function describe(
  kind: ChangeKind,
  { sizeBefore, sizeAfter }: Sizes,
  members: readonly MemberChange[],
): string {
  const parts: string[] = [];
  if (sizeBefore !== sizeAfter)
    parts.push(`its size is ${sizeBefore} bytes before and ${sizeAfter} after the patch`);
  // What moved because of another is many and says little.
  const telling = members.filter(({ change }) => change !== 'moved');
  const [firstMoved, ...others] = members.filter(({ change }) => change === 'moved');
  const shown = [
    ...telling.slice(0, 4).map(describeMember),
    ...(telling.length > 4 ? [`${telling.length - 4} more`] : []),
  ];
  parts.push(...shown);
  if (firstMoved !== undefined) parts.push(`${describeMember(firstMoved)}${asDo(others.length)}`);
  if (kind === 'initial-value')
    parts.push('in objects that exist, zero bytes do not set it up, or another member shares them');
  return parts.join('; ');
}

function asDo(others: number): string {
  if (others === 0) return '';
  return others === 1 ? ', as does 1 other' : `, as do ${others} others`;
}

export function describeMember({ name, change, before, after, newName }: MemberChange): string {
  switch (change) {
    case 'added':
      return `new: ${name}, ${after}`;
    case 'removed':
      return after === null
        ? `gone: ${name}, ${before}`
        : `gone: ${name}, ${before}; its place is used for ${newName}, ${after}`;
    case 'renamed':
      return `${name}, ${before}, is now ${newName}`;
    case 'moved':
      return `${name} moves from ${before} to ${after}`;
    case 'retyped':
      return `${name} was ${before} and is ${after}`;
  }
}
