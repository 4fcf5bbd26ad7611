// A name need not be written to be used: `Page##uname` makes PageLocked out of `PAGEFLAG(Locked, …)`. The patterns of all macros that
// paste are collected once per tree; matching a name with them gives the words that must stand together in a text for it to be made
// there. A pasted name can itself be a part of another one, once. Hundreds of names can be cut in millions of ways, and nearly all have a part
// that no text has: so the words of all texts are collected first, and a cut is followed only as long as its parts are among them. And the words
// of many names stand in any text, so they count only where a macro takes part that leads to one that pastes in this way.

import { MacroSet } from './macro-set.js';
import { listMacros, type MacroText } from './macro-text.js';
import type { PasteSite } from './paste-sites.js';

/** Literal pieces, null for a parameter: `x##_##y` is [null, '_', null]. */
export type PastePattern = readonly (string | null)[];

/** A way to paste, and the macros that do it so. */
export interface Paste {
  readonly pattern: PastePattern;
  readonly macros: readonly string[];
}

export interface Pastes {
  readonly pastes: readonly Paste[];
  /** [macro, ...macros in whose text it stands]: by which others a macro that pastes can be reached. */
  readonly users: readonly (readonly [string, ...string[]])[];
  /** Macros that call what they paste: `__MAP##n(m, __VA_ARGS__)` leads to __MAP1 and the others. */
  readonly called: readonly Paste[];
  /** Macros that may lead to any other. */
  readonly unknown: readonly string[];
  /** Macros that call what they are given the name of: `EACH(CAST, tcp)`. */
  readonly appliers: readonly string[];
  /** Macros that may access a member of which they are given the name. */
  readonly accessors: readonly string[];
  /** [word, ...macros that hand it, together with a parameter of their own, to a macro that pastes]. */
  readonly handed: readonly (readonly [string, ...string[]])[];
}

/** Tells that a word is written in none of the texts that will be asked. */
export type KnownWords = Pick<ReadonlySet<string>, 'has'>;

/** Nothing is known of the texts. */
export const ANY_WORD: KnownWords = { has: () => true };

/** So few names are sooner cut into all the parts they could have than the texts are read once more. */
const FEW_NAMES = 4;

/** @param readKnown reads the words of all texts that will be asked */
export async function findPastedNames(
  names: readonly string[],
  pastes: Pastes,
  readKnown: () => Promise<KnownWords>,
): Promise<PastedNames> {
  return new PastedNames(names, pastes, names.length > FEW_NAMES ? await readKnown() : ANY_WORD);
}

export class PastedNames {
  /** One word of each set of words that make a name → the sets, and how it is made. */
  readonly #needs = new Map<string, Need[]>();
  readonly #known = new Map<string, Need>();
  readonly #reach: MacroReach;

  /** @param known what is not in it is no part of a name */
  constructor(names: Iterable<string>, all: Pastes, known: KnownWords) {
    const { pastes, handed } = all;
    this.#reach = reachOf(all);
    const handers = new Map(
      handed.map(([word, ...macros]) => [word, macros.filter((each) => known.has(each))]),
    );
    for (const name of names) {
      const fitting = [...pastes.entries()].filter(([, { pattern }]) =>
        pattern.every((piece) => piece === null || name.includes(piece)),
      );
      const cutter = new NameCutter(fitting, handers, known);
      for (const { words, paste } of cutter.cut(name))
        this.#need(words, paste, name.endsWith(words.at(-1) ?? name));
    }
  }

  /** Every identifier that could be a part of a name: what to search for. */
  *pieces(): Iterable<string> {
    for (const needs of this.#needs.values()) for (const { parts } of needs) yield* parts;
  }

  /** Whether the parts of one of the names are among these identifiers, wherever they stand. */
  canMake(own: ReadonlySet<string>): boolean {
    for (const word of own) {
      const needs = this.#needs.get(word);
      if (needs?.some(({ parts }) => parts.every((each) => own.has(each))) === true) return true;
    }
    return false;
  }

  /** Whether one of the names can be made at one of these places. */
  canMakeAt(sites: readonly PasteSite[]): boolean {
    return sites.some((site) => {
      for (const word of [...site.words, ...(site.last ?? [])])
        for (const need of this.#needs.get(word) ?? [])
          if (isAt(site, need) && this.#reach.isReached(need.pastes, site)) return true;
      return false;
    });
  }

  /** @param isEnd nothing stands behind the last word */
  #need(words: readonly string[], paste: number, isEnd: boolean): void {
    const key = `${words.join()}${isEnd ? '' : '…'}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.pastes.add(paste);
      return;
    }
    const need = { parts: words, isEnd, pastes: new Set([paste]) };
    this.#known.set(key, need);
    // All must be there, so one is enough to find them by; the longest is the rarest.
    const [longest = ''] = [...words].sort((a, b) => b.length - a.length);
    const others = this.#needs.get(longest);
    if (others === undefined) this.#needs.set(longest, [need]);
    else others.push(need);
  }
}

/** What must stand together, in the order of the name, and by which pastes it then makes one. */
interface Need {
  readonly parts: readonly string[];
  /** The name ends with the last of them. */
  readonly isEnd: boolean;
  readonly pastes: Set<number>;
}

function isAt({ words, last }: PasteSite, { parts, isEnd }: Need): boolean {
  return parts.every(
    (part, at) => words.has(part) || (isEnd && at === parts.length - 1 && last?.has(part) === true),
  );
}

const REACHES = new WeakMap<Pastes, MacroReach>();

/** The same for all names that are looked for. */
function reachOf(pastes: Pastes): MacroReach {
  const known = REACHES.get(pastes);
  if (known !== undefined) return known;
  const reach = new MacroReach(pastes);
  REACHES.set(pastes, reach);
  return reach;
}

const ACCESSORS = new WeakMap<Pastes, MacroSet>();

/** The same for all members that are looked for. */
export function accessorsOf(pastes: Pastes): MacroSet {
  const known = ACCESSORS.get(pastes);
  if (known !== undefined) return known;
  const { accessors, unknown, appliers } = pastes;
  const made = new MacroSet(new Set([...accessors, ...unknown]), new Set(appliers));
  ACCESSORS.set(pastes, made);
  return made;
}

/** Which macros lead to which pastes; asked for few of them, so found when asked. */
class MacroReach {
  readonly #pastes: readonly Paste[];
  readonly #users: ReadonlyMap<string, readonly string[]>;
  readonly #called: readonly Paste[];
  readonly #unknown: readonly string[];
  readonly #appliers: ReadonlySet<string>;
  readonly #reached = new Map<number, MacroSet>();

  constructor({ pastes, users, called, unknown, appliers }: Pastes) {
    this.#appliers = new Set(appliers);
    this.#called = called;
    this.#pastes = pastes;
    this.#users = new Map(users.map(([macro, ...others]) => [macro, others]));
    this.#unknown = unknown;
  }

  isReached(pastes: Iterable<number>, site: PasteSite): boolean {
    for (const paste of pastes) if (this.#leadingTo(paste).isAt(site)) return true;
    return false;
  }

  #leadingTo(paste: number): MacroSet {
    const known = this.#reached.get(paste);
    if (known !== undefined) return known;
    const leading = new Set([...(this.#pastes[paste]?.macros ?? []), ...this.#unknown]);
    // What is added meanwhile is visited as well.
    for (const macro of leading) {
      for (const user of this.#users.get(macro) ?? []) leading.add(user);
      for (const { pattern, macros } of this.#called)
        if (fitsPattern(macro, pattern)) for (const caller of macros) leading.add(caller);
    }
    const reached = new MacroSet(leading, this.#appliers);
    this.#reached.set(paste, reached);
    return reached;
  }
}

/** Finds the ways to write a name with known words only: it is cut by one of the patterns, and one part of it may be made itself. */
class NameCutter {
  readonly #pastes: readonly (readonly [index: number, paste: Paste])[];
  readonly #handers: ReadonlyMap<string, readonly string[]>;
  readonly #known: KnownWords;
  readonly #makings = new Map<string, readonly (readonly string[])[]>();

  /** @param handers word → macros that hand it */
  constructor(
    pastes: readonly (readonly [index: number, paste: Paste])[],
    handers: ReadonlyMap<string, readonly string[]>,
    known: KnownWords,
  ) {
    this.#pastes = pastes;
    this.#handers = handers;
    this.#known = known;
  }

  *cut(name: string): Iterable<{ readonly words: readonly string[]; readonly paste: number }> {
    for (const [paste, { pattern }] of this.#pastes) {
      for (const parts of cutBy(name, pattern, this.#known, 1)) {
        const unknown = parts.findIndex((part) => !this.#known.has(part));
        if (unknown < 0) yield { words: parts, paste };
        for (const [at, part] of parts.entries()) {
          if (unknown >= 0 && unknown !== at) continue;
          for (const words of this.#make(part)) yield { words: parts.toSpliced(at, 1, ...words), paste };
        }
      }
    }
  }

  /** What stands for a part where it is not written: a macro that hands it, or parts of its own. */
  #make(part: string): readonly (readonly string[])[] {
    const made = this.#makings.get(part);
    if (made !== undefined) return made;
    const makings = (this.#handers.get(part) ?? []).map((macro) => [macro] as readonly string[]);
    // Two letters are not pasted from parts.
    if (part.length >= 3) {
      for (const [, { pattern }] of this.#pastes) {
        // Two parameters joined make a part of a name only where the name itself is one.
        if (pattern.some((piece) => piece !== null)) makings.push(...cutBy(part, pattern, this.#known, 0));
      }
    }
    this.#makings.set(part, makings);
    return makings;
  }
}

/**
 * The parts of a name that are parameters of a pattern.
 * @param unknown how many of them may be no known words
 */
function cutBy(
  name: string,
  pattern: PastePattern,
  known: KnownWords,
  unknown: number,
): readonly (readonly string[])[] {
  const cuts: (readonly string[])[] = [];
  const parts: string[] = [];
  const follow = (start: number, index: number, left: number): void => {
    const piece = pattern[index];
    if (piece === undefined) {
      if (start === name.length && parts.length > 0 && parts[0] !== name) cuts.push([...parts]);
      return;
    }
    if (piece !== null) {
      if (name.startsWith(piece, start)) follow(start + piece.length, index + 1, left);
      return;
    }
    // An argument may be empty.
    follow(start, index + 1, left);
    const first = index + 1 === pattern.length ? name.length : start + 1;
    for (let end = Math.max(first, start + 1); end <= name.length; end += 1) {
      const next = pattern[index + 1];
      if (typeof next === 'string' && !name.startsWith(next, end)) continue;
      const part = name.slice(start, end);
      const rest = known.has(part) ? left : left - 1;
      if (rest < 0) continue;
      parts.push(part);
      follow(end, index + 1, rest);
      parts.pop();
    }
  };
  follow(0, 0, unknown);
  return cuts;
}

export function fitsPattern(name: string, pattern: PastePattern): boolean {
  let from = 0;
  for (const [at, piece] of pattern.entries()) {
    if (piece === null) continue;
    const start = name.indexOf(piece, from);
    if (start < 0 || (at === 0 && start > 0)) return false;
    from = start + piece.length;
  }
  const last = pattern.at(-1);
  return last === null || last === undefined || name.endsWith(last);
}

/** How a macro pastes, and what else it leads to. */
export interface PastingMacro {
  readonly name: string;
  readonly patterns: readonly PastePattern[];
  /** Those of `patterns` that make what the macro calls: `__MAP##n(m, __VA_ARGS__)`. */
  readonly called: readonly PastePattern[];
}

/** Undefined for a macro that does not paste. */
export function readPastes({ name, parameters, body }: MacroText): PastingMacro | undefined {
  if (parameters === undefined || !body.includes('##')) return undefined;
  const patterns: PastePattern[] = [];
  const called: PastePattern[] = [];
  for (const match of body.matchAll(/[\w$]*(?:\s*##\s*[\w$]*)+/g)) {
    const pieces = match[0]
      .split('##')
      .map((piece) => piece.trim())
      .filter((piece) => piece !== '');
    const pattern = pieces.map((piece) => (parameters.has(piece) ? null : piece));
    if (!pattern.includes(null)) continue;
    patterns.push(pattern);
    if (isCall(body, match.index, match.index + match[0].length)) called.push(pattern);
  }
  return { name, patterns, called };
}

/** The macros of a text that paste. */
export function scanPastes(text: string): readonly PastingMacro[] {
  return [...listMacros(text)].flatMap((macro) => readPastes(macro) ?? []);
}

const TYPE =
  /(?:\b(?:void|bool|_Bool|char|short|int|long|float|double|unsigned|signed|s?size_t|[us](?:8|16|32|64)|__[us](?:8|16|32|64)|irqreturn_t)[\s*]*|\b(?:struct|union|enum)\s+\w+[\s*]*)$/;

/** Whether what stands from one place to the other is called, with arguments: a declaration says a type before it. */
function isCall(body: string, from: number, to: number): boolean {
  if (!/^\s*\((?!\s*(?:void\s*)?\))/.test(body.slice(to, to + 40))) return false;
  return !TYPE.test(body.slice(0, from));
}

/** [macro, called macro, words]: what macros of a text hand to one of `macros` beside their own parameters. */
export function scanHandedWords(
  text: string,
  macros: ReadonlySet<string>,
): readonly (readonly [string, string, readonly string[]])[] {
  const handed: (readonly [string, string, readonly string[]])[] = [];
  for (const { name, parameters, body } of listMacros(text)) {
    if (parameters === undefined) continue;
    for (const [, called = '', inside = ''] of body.matchAll(/([A-Za-z_$][\w$]*)\s*\(([^()]*)\)/g)) {
      const words = inside.match(/[A-Za-z_$][\w$]*/g) ?? [];
      if (!macros.has(called) || !words.some((word) => parameters.has(word))) continue;
      handed.push([name, called, words.filter((word) => !parameters.has(word))]);
    }
  }
  return handed;
}
