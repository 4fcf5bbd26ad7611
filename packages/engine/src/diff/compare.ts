// Are two definitions the same? Bytes outside references, references by what they mean, and the table entries that belong
// to the definition. Strings and nameless constants have no identity and are compared by content, wherever they stand.

import { R_X86_64, SHT } from '../elf/elf.layout.js';
import type { Relocation, Section } from '../elf/object.js';
import { isPcRelative, relocationSize } from '../elf/relocation.js';
import { ensure } from '../map-entry.js';
import type { DefinedObject, Definition, Reference, Target } from './definition.js';
import { relocationsIn } from './definition.js';
import { entryTarget, type ObjectTables, type TableEntry } from './table.js';

/** One side of a comparison. */
export interface Side {
  readonly object: DefinedObject;
  readonly tables: ObjectTables;
}

/** Pre definition → post definition, for those that are the same thing under whatever name. */
export type Pairs = ReadonlyMap<Definition, Definition>;

/** Constants that point at constants, from one to the next. Beyond it they count as different, which costs a copy or a refusal. */
const MAX_DEPTH = 150;

export class Comparer {
  readonly #pre: Side;
  readonly #post: Side;
  readonly #pairs: Pairs;
  /** Constants before that change where they are, which is no change of those that point at them. */
  readonly #inPlace: ReadonlySet<Definition>;
  /** Results, and `true` for pairs under comparison, which ends recursion through mutual references. */
  #depth = 0;
  readonly #known = new Map<Definition, Map<Definition, boolean>>();
  /** Pairs in the order of their comparison, those found to differ left out. */
  readonly #trail: (readonly [before: Definition, after: Definition])[] = [];

  constructor(pre: Side, post: Side, pairs: Pairs, inPlace: ReadonlySet<Definition> = new Set()) {
    this.#pre = pre;
    this.#post = post;
    this.#pairs = pairs;
    this.#inPlace = inPlace;
  }

  isSame(before: Definition, after: Definition): boolean {
    const known = ensure(this.#known, before, () => new Map<Definition, boolean>());
    const earlier = known.get(after);
    if (earlier !== undefined) return earlier;
    if (this.#depth > MAX_DEPTH) return false;
    known.set(after, true);
    const mark = this.#trail.push([before, after]) - 1;
    this.#depth++;
    const same = this.#compare(before, after);
    this.#depth--;
    if (!same) {
      // What was found equal meanwhile may have counted on this pair; it is compared again when it is asked for.
      for (const [old, now] of this.#trail.splice(mark)) this.#known.get(old)?.delete(now);
      known.set(after, false);
    }
    return same;
  }

  isSameTarget(before: Target, after: Target): boolean {
    if (!('definition' in before) || !('definition' in after)) {
      const same = 'symbol' in before && 'symbol' in after && before.symbol === after.symbol;
      return same && before.offset === after.offset;
    }
    if (before.definition.kind === 'string' || after.definition.kind === 'string') {
      return (
        before.definition.kind === after.definition.kind && this.isSame(before.definition, after.definition)
      );
    }
    if (before.offset !== after.offset) return false;
    if (this.#pairs.get(before.definition) === after.definition) {
      // A changed constant is seen by all who read it; changed code and data keep their place and are judged on their own.
      const isSeen = before.definition.kind === 'constant' && !this.#inPlace.has(before.definition);
      return !isSeen || this.isSame(before.definition, after.definition);
    }
    const nameless = before.definition.symbols.length === 0 && after.definition.symbols.length === 0;
    return (
      nameless &&
      before.definition.kind === after.definition.kind &&
      this.isSame(before.definition, after.definition)
    );
  }

  #compare(before: Definition, after: Definition): boolean {
    if (before.size !== after.size || before.kind !== after.kind) return false;
    if (isZeros(before) && isZeros(after)) return true;
    if (
      before.kind !== 'string' &&
      (before.section.type === SHT.NOBITS) !== (after.section.type === SHT.NOBITS)
    )
      return false;
    const old = this.#pre.object.referencesOf(before);
    const now = this.#post.object.referencesOf(after);
    if (!this.#sameReferences(old, now)) return false;
    if (!sameBytes(this.#pre.object.bytesOf(before), this.#post.object.bytesOf(after), old)) return false;
    return this.#sameTables(before, after);
  }

  #sameReferences(before: readonly Reference[], after: readonly Reference[]): boolean {
    if (before.length !== after.length) return false;
    return before.every((old, index) => {
      const now = after[index];
      return now !== undefined && old.offset === now.offset && this.isSameReference(old, now);
    });
  }

  isSameReference(old: Reference, now: Reference): boolean {
    return (
      old.size === now.size &&
      sameType(old.type, now.type) &&
      old.bias === now.bias &&
      this.isSameTarget(old.target, now.target)
    );
  }

  #sameTables(before: Definition, after: Definition): boolean {
    const old = this.#pre.tables.of(before);
    const now = this.#post.tables.of(after);
    if (old.length !== now.length) return false;
    return old.every((entry, index) => {
      const other = now[index];
      return other !== undefined && this.#sameEntry(entry, other);
    });
  }

  #sameEntry(before: TableEntry, after: TableEntry): boolean {
    if (before.section.name !== after.section.name || before.size !== after.size) return false;
    if (!this.#sameRelocations(before.relocations, before.start, after.relocations, after.start))
      return false;
    const cosmetic = before.cosmetic.map(({ at, length }) => ({ offset: at, size: length }));
    const masked = [...cosmetic, ...fieldsOf(before.relocations, before.start)];
    if (!sameBytes(rangeOf(before), rangeOf(after), masked)) return false;
    return this.#sameReplacement(before, after);
  }

  #sameReplacement(before: TableEntry, after: TableEntry): boolean {
    const old = before.replacement;
    const now = after.replacement;
    if (old === undefined || now === undefined) return old === now;
    if (old.size !== now.size) return false;
    const oldRelocations = relocationsIn(old.section, old.start, old.start + old.size);
    const nowRelocations = relocationsIn(now.section, now.start, now.start + now.size);
    if (!this.#sameRelocations(oldRelocations, old.start, nowRelocations, now.start)) return false;
    return sameBytes(rangeOf(old), rangeOf(now), fieldsOf(oldRelocations, old.start));
  }

  #sameRelocations(
    before: readonly Relocation[],
    beforeStart: number,
    after: readonly Relocation[],
    afterStart: number,
  ): boolean {
    if (before.length !== after.length) return false;
    return before.every((old, index) => {
      const now = after[index];
      if (now === undefined || old.offset - beforeStart !== now.offset - afterStart) return false;
      if (!sameType(old.type, now.type)) return false;
      const oldTarget = entryTarget(this.#pre.object, old);
      const nowTarget = entryTarget(this.#post.object, now);
      return isReplacement(oldTarget) ? isReplacement(nowTarget) : this.isSameTarget(oldTarget, nowTarget);
    });
  }
}

function isZeros({ section }: Definition): boolean {
  return section.type === SHT.NOBITS;
}

/** Where a replacement stands says nothing; the replacement itself is compared. */
function isReplacement(target: Target): boolean {
  return 'symbol' in target && target.symbol === '.altinstr_replacement';
}

/** Whether the assembler wrote PC32 or PLT32 makes no difference in the kernel, which has no PLT. */
function sameType(before: number, after: number): boolean {
  const plain = (type: number) => (type === R_X86_64.PLT32 ? R_X86_64.PC32 : type);
  return before === after || (isPcRelative(before) && plain(before) === plain(after));
}

interface Range {
  readonly section: Section;
  readonly start: number;
  readonly size: number;
}

interface Field {
  readonly offset: number;
  readonly size: number;
}

function rangeOf(range: Range): Uint8Array {
  return range.section.data.subarray(range.start, range.start + range.size);
}

function fieldsOf(relocations: readonly Relocation[], start: number): readonly Field[] {
  return relocations.map(({ offset, type }) => ({ offset: offset - start, size: relocationSize(type) }));
}

function sameBytes(before: Uint8Array, after: Uint8Array, masked: readonly Field[]): boolean {
  if (before.length !== after.length) return false;
  let at = 0;
  for (const field of masked.toSorted((a, b) => a.offset - b.offset)) {
    if (!sameRange(before, after, at, field.offset)) return false;
    at = Math.max(at, field.offset + field.size);
  }
  return sameRange(before, after, at, before.length);
}

function sameRange(before: Uint8Array, after: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (before[at] !== after[at]) return false;
  return true;
}
