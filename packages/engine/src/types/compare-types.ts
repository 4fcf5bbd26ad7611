// All types of an object before and after a patch. Text can say which definitions a patch touches; only the compiler knows what a changed
// constant, macro or embedded struct does to all others, so everything that has a name is compared: structs and unions by tag, those
// without one by their typedef, enumerators each by itself, because a name has one value in an object whatever enum it stands in.

import type { Btf } from '../btf/btf.js';
import { BTF_KIND } from '../btf/btf.layout.js';
import { enumValuesOf } from '../btf/struct-layout.js';
import { compareRecord, type TypeChange } from './type-change.js';
import { isRecord } from './type-shape.js';

export interface EnumeratorChange {
  /** `enum pid_type`, or `enum { FIRST, … }` when it has no tag. */
  readonly type: string;
  readonly name: string;
  readonly before: bigint;
  readonly after: bigint;
  /** The largest of its enum before and after: the number of the others, as `PIDTYPE_MAX`. */
  readonly last: boolean;
}

export interface ComparedTypes {
  readonly records: readonly TypeChange[];
  /** Enumerators that both sides have, with another value. */
  readonly renumbered: readonly EnumeratorChange[];
  /** `enum x` → enumerators that only the new side has. */
  readonly added: ReadonlyMap<string, readonly string[]>;
}

/** Compares every named type that both sides have; a type of one side only has no objects that the other side knows. */
export function compareTypes(before: Btf, after: Btf): ComparedTypes {
  const [old, patched] = [findRecordIds(before), findRecordIds(after)];
  const records: TypeChange[] = [];
  for (const [name, ids] of old) {
    const others = patched.get(name);
    if (others === undefined) continue;
    const change = compareNamesakes(name, [before, ids], [after, others]);
    if (change !== undefined) records.push(change);
  }
  return { records, ...compareEnums(before, after) };
}

/** Several different types of one tag in one object: each before must be found after, else the first that differs counts. */
function compareNamesakes(
  name: string,
  [before, ids]: readonly [Btf, readonly number[]],
  [after, others]: readonly [Btf, readonly number[]],
): TypeChange | undefined {
  let worst: TypeChange | undefined;
  for (const id of ids) {
    const changes = others.map((other) => compareRecord(name, [before, id], [after, other]));
    if (changes.includes(undefined)) continue;
    const own = changes[Math.min(ids.indexOf(id), changes.length - 1)];
    if (worst === undefined || own?.kind === 'layout') worst = own;
  }
  return worst;
}

/** `struct tag`, `union tag`, or a typedef of one without a tag → its ids. */
export function findRecordIds(btf: Btf): ReadonlyMap<string, readonly number[]> {
  const records = new Map<string, number[]>();
  const add = (name: string, id: number) => records.set(name, [...(records.get(name) ?? []), id]);
  for (let id = 1; id < btf.typeCount; id++) {
    const type = btf.type(id);
    if (isRecord(type) && type.name !== '')
      add(`${type.kind === BTF_KIND.STRUCT ? 'struct' : 'union'} ${type.name}`, id);
    if (type.kind !== BTF_KIND.TYPEDEF) continue;
    const target = btf.type(type.sizeOrType);
    if (isRecord(target) && target.name === '') add(type.name, target.id);
  }
  return records;
}

interface Enumerator {
  readonly type: string;
  readonly value: bigint;
  readonly last: boolean;
}

function compareEnums(before: Btf, after: Btf): Pick<ComparedTypes, 'renumbered' | 'added'> {
  const [old, patched] = [collectEnumerators(before), collectEnumerators(after)];
  const known = new Set([...old.values()].map(({ type }) => type));
  const renumbered: EnumeratorChange[] = [];
  const added = new Map<string, string[]>();
  for (const [name, now] of patched) {
    const was = old.get(name);
    if (was === undefined) {
      if (known.has(now.type)) added.set(now.type, [...(added.get(now.type) ?? []), name]);
    } else if (was.value !== now.value) {
      const last = was.last && now.last;
      renumbered.push({ type: was.type, name, before: was.value, after: now.value, last });
    }
  }
  return { renumbered, added };
}

function collectEnumerators(btf: Btf): ReadonlyMap<string, Enumerator> {
  const all = new Map<string, Enumerator>();
  for (let id = 1; id < btf.typeCount; id++) {
    const type = btf.type(id);
    if (type.kind !== BTF_KIND.ENUM && type.kind !== BTF_KIND.ENUM64) continue;
    const values = enumValuesOf(btf, type);
    const largest = [...values.values()].reduce((most, value) => (value > most ? value : most), -(2n ** 63n));
    // One without a tag is known by its first enumerator.
    const name = type.name || `{ ${values.keys().next().value ?? ''}, … }`;
    for (const [each, value] of values)
      all.set(each, { type: `enum ${name}`, value, last: value === largest });
  }
  return all;
}
