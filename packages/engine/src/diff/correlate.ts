// Which definition before is which definition after? Names decide where they can: a global name is unique, and so is most of
// the local ones. For names that the compiler numbers, what counts is who uses them: a static local is followed through
// the references of the function it lives in, in their order, never through its number (`bucket.1` may become `bucket.2`).
// What stays ambiguous stays unpaired; the selection refuses it only when an update needs it.

import { SHT } from '../elf/elf.layout.js';
import { appendTo, ensure } from '../map-entry.js';
import type { DefinedObject, Definition } from './definition.js';
import { baseName, isForgettable, variableName } from './symbol-name.js';

export interface Correlation {
  /** Pre → post. */
  readonly pairs: ReadonlyMap<Definition, Definition>;
  /** Post → pre. */
  readonly origins: ReadonlyMap<Definition, Definition>;
}

export interface MutableCorrelation extends Correlation {
  readonly pairs: Map<Definition, Definition>;
  readonly origins: Map<Definition, Definition>;
}

/** Pairs the named definitions of two objects; strings and nameless constants are left to the comparison. */
export function correlate(pre: DefinedObject, post: DefinedObject): MutableCorrelation {
  const correlator = new Correlator(pre, post);
  correlator.pairGlobals();
  correlator.pairUniqueNames((definition) => definition.name);
  correlator.pairUniqueNames((definition) => baseName(definition.name));
  correlator.pairByUse();
  correlator.pairByContent();
  correlator.pairNamelessSections();
  return { pairs: correlator.pairs, origins: correlator.origins };
}

class Correlator {
  readonly pairs = new Map<Definition, Definition>();
  readonly origins = new Map<Definition, Definition>();
  readonly #pre: DefinedObject;
  readonly #post: DefinedObject;
  readonly #sizes = new Map<DefinedObject, ReadonlyMap<string, number>>();

  constructor(pre: DefinedObject, post: DefinedObject) {
    this.#pre = pre;
    this.#post = post;
  }

  /** Every global symbol of the one side stands for the definition with that symbol on the other, aliases included. */
  pairGlobals(): void {
    const globals = (object: DefinedObject) => {
      const byName = new Map<string, Definition>();
      for (const definition of object.definitions) {
        if (definition.binding === 'local') continue;
        for (const symbol of definition.symbols)
          if (symbol.binding !== 0) byName.set(symbol.name, definition);
      }
      return byName;
    };
    const after = globals(this.#post);
    for (const [name, before] of globals(this.#pre)) this.#pair(before, after.get(name));
  }

  /**
   * Pairs what has the same key and kind on both sides and is alone in having it on each. A name that carries a compiler's
   * number proves nothing when its siblings on the two sides differ in count, so such groups wait for their use.
   */
  pairUniqueNames(key: (definition: Definition) => string): void {
    const after = this.#unpaired(this.#post, this.origins, key);
    for (const [name, olds] of this.#unpaired(this.#pre, this.pairs, key)) {
      const news = after.get(name);
      const [before] = olds;
      if (before === undefined || news === undefined || olds.length !== 1 || news.length !== 1) continue;
      // Of several static locals of one name in one function, clang numbers all but the first: `both.count`, `both.count.1`.
      const numbered = baseName(before.name) !== before.name || isClangStatic(before);
      if (numbered && !this.#aloneInFamily(before)) continue;
      this.#pair(before, news[0]);
    }
  }

  /** Follows static locals, clones and fragments from functions that are already paired, until nothing is learned any more. */
  pairByUse(): void {
    for (let learned = true; learned; ) {
      learned = false;
      for (const [before, after] of [...this.pairs]) {
        if (this.#pairReferences(before, after)) learned = true;
      }
    }
  }

  /**
   * Last resort: equal bytes and size in a family, in order. Of several variables that code uses, equal initial values
   * do not tell which is which (two `static int count` that start at 0), so these stay unpaired.
   */
  pairByContent(): void {
    const used = usedData(this.#pre);
    const after = this.#unpaired(this.#post, this.origins, contentKey(this.#post));
    for (const [key, olds] of this.#unpaired(this.#pre, this.pairs, contentKey(this.#pre))) {
      const news = after.get(key) ?? [];
      if (olds.length !== news.length) continue;
      if (olds.length > 1 && olds.some((definition) => used.has(definition))) continue;
      for (const [index, before] of olds.entries()) this.#pair(before, news[index]);
    }
  }

  /**
   * Tables that nothing refers to, such as `.pci_fixup_final`, are one definition without a name: the section is its identity. So
   * is code whose symbols have been stripped.
   */
  pairNamelessSections(): void {
    const tables = (object: DefinedObject) => {
      const bySection = new Map<string, Definition[]>();
      for (const definition of object.definitions) {
        const isCopied =
          definition.kind === 'function' ? definition.sectionClass === 'aside' : isCopiedData(definition);
        if (definition.symbols.length === 0 && !isCopied)
          appendTo(bySection, definition.section.name, definition);
      }
      return bySection;
    };
    const after = tables(this.#post);
    for (const [name, olds] of tables(this.#pre)) {
      const news = after.get(name) ?? [];
      if (olds.length !== news.length) continue;
      for (const [index, before] of olds.entries()) this.#pair(before, news[index]);
    }
  }

  #pairReferences(before: Definition, after: Definition): boolean {
    const old = this.#families(this.#pre, before, this.pairs);
    const now = this.#families(this.#post, after, this.origins);
    let learned = false;
    for (const [family, olds] of old) {
      const news = now.get(family) ?? [];
      if (olds.length !== news.length) continue;
      const order = this.#orderNamesakes([before, after], olds, news);
      for (const [index, candidate] of olds.entries())
        learned = this.#pair(candidate, order[index]) || learned;
    }
    return learned;
  }

  /**
   * The counterparts of variables of one name that one function uses, in the order of `olds`. When the function changes, two blocks of
   * it may have changed places, and state must not be exchanged: such variables stay unpaired. What has no state worth
   * keeping is paired by number where that and the order of use disagree, as between builds with different flags (the
   * thirteen `_rs` of smb2_check_message() in fs/smb/client/smb2misc.c).
   */
  #orderNamesakes(
    [before, after]: readonly [Definition, Definition],
    olds: readonly Definition[],
    news: readonly Definition[],
  ): readonly Definition[] {
    const [first] = olds;
    if (first?.kind !== 'data' || olds.length < 2) return news;
    if (!isForgettable(first.name))
      return codeOf(this.#pre, before).equals(codeOf(this.#post, after)) ? news : [];
    const ranks = rankByNumber(news);
    return rankByNumber(olds).flatMap((rank) => news[ranks.indexOf(rank)] ?? []);
  }

  /** Unpaired local definitions that `user` refers to, by family, in the order of first use. */
  #families(object: DefinedObject, user: Definition, paired: ReadonlyMap<Definition, Definition>) {
    const families = new Map<string, Definition[]>();
    for (const { target } of object.referencesOf(user)) {
      if (!('definition' in target) || paired.has(target.definition)) continue;
      const { definition } = target;
      if (definition.symbols.length === 0 || definition.binding !== 'local') continue;
      const list = ensure(families, familyOf(definition), () => []);
      if (!list.includes(definition)) list.push(definition);
    }
    return families;
  }

  #aloneInFamily(before: Definition): boolean {
    const family = familyOf(before);
    return [this.#pre, this.#post].every((object) => this.#familySizes(object).get(family) === 1);
  }

  /** Family → number of its local definitions. */
  #familySizes(object: DefinedObject): ReadonlyMap<string, number> {
    return ensure(this.#sizes, object, () => {
      const sizes = new Map<string, number>();
      for (const definition of object.definitions) {
        const family = familyOf(definition);
        if (definition.binding === 'local') sizes.set(family, (sizes.get(family) ?? 0) + 1);
      }
      return sizes;
    });
  }

  #unpaired(
    object: DefinedObject,
    paired: ReadonlyMap<Definition, Definition>,
    key: (definition: Definition) => string,
  ) {
    const groups = new Map<string, Definition[]>();
    for (const definition of object.definitions) {
      if (paired.has(definition) || definition.symbols.length === 0) continue;
      const name = `${definition.kind}\0${key(definition)}`;
      appendTo(groups, name, definition);
    }
    return groups;
  }

  #pair(before: Definition, after: Definition | undefined): boolean {
    if (after === undefined || this.pairs.has(before) || this.origins.has(after)) return false;
    if (before.kind !== after.kind && (before.kind === 'function' || after.kind === 'function')) return false;
    this.pairs.set(before, after);
    this.origins.set(after, before);
    return true;
  }
}

function isClangStatic({ name, kind }: Definition): boolean {
  return kind === 'data' && variableName(name) !== name;
}

/** Without a name it is compared by content, where something refers to it. */
function isCopiedData({ kind, sectionClass }: Definition): boolean {
  return kind !== 'data' || sectionClass === 'data';
}

/** Definitions that a renumbering may exchange: same kind and base name. */
function familyOf(definition: Definition): string {
  return `${definition.kind}\0${baseName(definition.name)}`;
}

/** The bytes outside of references. */
function codeOf(object: DefinedObject, definition: Definition): Buffer {
  const bytes = Buffer.from(object.bytesOf(definition));
  for (const { offset, size } of object.referencesOf(definition))
    bytes.fill(0, Math.max(0, offset), offset + size);
  return bytes;
}

/** For each definition its place among the others when they are sorted by the number that the compiler gave them. */
function rankByNumber(definitions: readonly Definition[]): readonly number[] {
  const numberOf = ({ name }: Definition) => Number(/(\d+)$/.exec(name)?.[1] ?? -1);
  const sorted = definitions.toSorted((a, b) => numberOf(a) - numberOf(b));
  return definitions.map((definition) => sorted.indexOf(definition));
}

/** Variables that code refers to. */
function usedData(object: DefinedObject): ReadonlySet<Definition> {
  const used = new Set<Definition>();
  for (const user of object.definitions) {
    if (user.kind !== 'function') continue;
    for (const { target } of object.referencesOf(user)) {
      if ('definition' in target && target.definition.kind === 'data') used.add(target.definition);
    }
  }
  return used;
}

function contentKey(object: DefinedObject): (definition: Definition) => string {
  return (definition) => {
    const isZero = definition.section.type === SHT.NOBITS;
    const bytes = isZero ? '' : Buffer.from(object.bytesOf(definition)).toString('latin1');
    return `${baseName(definition.name)}\0${definition.size}\0${definition.section.type}\0${bytes}`;
  };
}
