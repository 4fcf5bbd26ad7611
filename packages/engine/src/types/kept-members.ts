// Whether a type only gains members, in bytes that no other member has: then nobody but code that names a new member can tell the difference.

import type { Btf } from '../btf/btf.js';
import { BTF_KIND } from '../btf/btf.layout.js';
import { layoutOf, type StructLayout } from '../btf/struct-layout.js';

/** True only when both sides have exactly one struct or union of the tag, of one size, and each member is where it was. */
export function keepsMembers(before: Btf, after: Btf, tag: string): boolean {
  const [old, patched] = [findOnly(before, tag), findOnly(after, tag)];
  if (old === undefined || patched === undefined || old.size !== patched.size) return false;
  return old.members.every((member) => {
    const named = patched.members.filter(({ name }) => name === member.name);
    const [now] = named;
    return named.length === 1 && now?.offsetBits === member.offsetBits && now.sizeBits === member.sizeBits;
  });
}

function findOnly(btf: Btf, tag: string): StructLayout | undefined {
  const ids = [BTF_KIND.STRUCT, BTF_KIND.UNION].flatMap((kind) => btf.findTypeIds(kind, tag));
  const [id] = ids;
  return id === undefined || ids.length > 1 ? undefined : layoutOf(btf, id);
}
