// A name need not be written to be used: `Page##uname` makes PageLocked out of `PAGEFLAG(Locked, …)`. The patterns of all macros that
// paste are collected once per tree; matching a name with them gives the words that must stand together in a text for it to be made
// there. A pasted name can itself be a part of another one, once. Hundreds of names can be cut in millions of ways, and nearly all have a part
// that no text has: so the words of all texts are collected first, and a cut is followed only as long as its parts are among them. And the words
// of many names stand in any text, so they count only where a macro takes part that leads to one that pastes in this way.

import type { Paste, PastePattern, Pastes } from './macro-pastes.js';
import { type MacroReach, reachOf } from './macro-reach.js';
import type { FindSites, PasteSite } from './paste-sites.js';

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
  readonly #pieces = new Set<string>();
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
  pieces(): Iterable<string> {
    return this.#pieces;
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

  /** Whether one of the names can be made in a piece of code. */
  canMakeIn(tokens: readonly string[], findSites: FindSites): boolean {
    const own = new Set(tokens.filter((token) => this.#pieces.has(token)));
    return this.canMake(own) && this.canMakeAt(findSites(tokens));
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
    for (const part of words) this.#pieces.add(part);
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
