// Which macros of a tree lead to one that pastes, or that does something with a member or a structure it is given the name of. Half a million words stand in the
// macros of the kernel's headers, so they are numbers here.

import { fitsPattern, type PastingMacro, readPastes } from './macro-pastes.js';
import type { MacroText } from './macro-text.js';
import { putsKeyword } from './tag-uses.js';

const WORD = /[A-Za-z_$][\w$]*/g;
const OFFSET = '__builtin_offsetof';
const ACCESS = /(?:->|\.)\s*([A-Za-z_$][\w$]*)/g;
const CALL = /([A-Za-z_$][\w$]*)\s*\(/g;
/** What is called is what another call gives: `JOIN(step_, n)(x)`. */
const CHAINED = /([A-Za-z_$][\w$]*)\s*\((?:[^()]|\([^()]*\))*\)\s*\(/g;

export class MacroGraph {
  readonly pasting: PastingMacro[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];
  /** Word → macros in whose text it stands. */
  readonly #above = new Map<number, Set<number>>();
  readonly #applying = new Set<string>();
  readonly #accessing = new Set<string>([OFFSET]);
  readonly #tagging = new Set<string>();
  readonly #chained: (readonly [macro: string, called: string])[] = [];

  add(macro: MacroText): void {
    const { name, parameters, body } = macro;
    const own = readPastes(macro);
    if (own !== undefined) this.pasting.push(own);
    for (const [word] of body.matchAll(WORD))
      if (word !== name && parameters?.has(word) !== true) this.#addAbove(word, name);
    for (const [, member = ''] of body.matchAll(ACCESS))
      if (parameters?.has(member) === true) this.#accessing.add(this.#keep(name));
    for (const [, called = ''] of body.matchAll(CALL))
      if (parameters?.has(called) === true) this.#applying.add(this.#keep(name));
    if (putsKeyword(macro)) this.#tagging.add(this.#keep(name));
    if (!/\)\s*\(/.test(body)) return;
    for (const [, called = ''] of body.matchAll(CHAINED))
      this.#chained.push([this.#keep(name), this.#keep(called)]);
  }

  /** For each macro that leads to one that pastes, those in whose text it stands. */
  users(): ReadonlyMap<string, ReadonlySet<string>> {
    const users = new Map<number, ReadonlySet<number>>();
    const leading = new Set(this.pasting.map(({ name }) => this.#number(name)));
    // What is added meanwhile is visited as well.
    for (const macro of leading) {
      const above = this.#above.get(macro);
      if (above === undefined) continue;
      users.set(macro, above);
      for (const each of above) leading.add(each);
    }
    const nameOf = (number: number) => this.#names[number] ?? '';
    return new Map([...users].map(([macro, above]) => [nameOf(macro), new Set([...above].map(nameOf))]));
  }

  /** Macros that access a member they are given the name of, and those that lead to one. */
  accessors(): readonly string[] {
    return this.#leadingTo(this.#accessing);
  }

  /** Macros that put `struct` before what they are given, or give it, and those that lead to one. */
  taggers(): readonly string[] {
    return this.#leadingTo(this.#tagging);
  }

  /** Macros that call what they are given the name of, and those that lead to one. */
  appliers(): readonly string[] {
    return this.#leadingTo(this.#applying);
  }

  #leadingTo(macros: Iterable<string>): readonly string[] {
    const calling = this.pasting.filter(({ called }) => called.length > 0);
    const leading = new Set([...macros].map((name) => this.#number(name)));
    // What is added meanwhile is visited as well.
    for (const macro of leading) {
      for (const each of this.#above.get(macro) ?? []) leading.add(each);
      const name = this.#names[macro] ?? '';
      for (const caller of calling)
        if (caller.called.some((pattern) => fitsPattern(name, pattern)))
          leading.add(this.#number(caller.name));
    }
    return [...leading].map((number) => this.#names[number] ?? '');
  }

  /** Macros of which it cannot be told what they call. */
  unknown(leading: (macro: string) => boolean): readonly string[] {
    const chained = this.#chained.flatMap(([macro, called]) => (leading(called) ? [macro] : []));
    const pasted = this.pasting.flatMap(({ name, called }) =>
      called.some((pattern) => pattern.every((piece) => piece === null)) ? [name] : [],
    );
    return [...new Set([...chained, ...pasted])];
  }

  #addAbove(word: string, macro: string): void {
    const [below, number] = [this.#number(word), this.#number(macro)];
    const known = this.#above.get(below);
    if (known === undefined) this.#above.set(below, new Set([number]));
    else known.add(number);
  }

  #number(word: string): number {
    const known = this.#numbers.get(word);
    if (known !== undefined) return known;
    const number = this.#names.length;
    // A part of a text would keep all of the text in memory.
    const kept = Buffer.from(word, 'latin1').toString('latin1');
    this.#numbers.set(kept, number);
    this.#names.push(kept);
    return number;
  }

  #keep(word: string): string {
    return this.#names[this.#number(word)] ?? '';
  }
}
