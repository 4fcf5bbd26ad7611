// A name need not be written to be used: `Page##uname` makes PageLocked out of `PAGEFLAG(Locked, …)`. The patterns of all macros that
// paste are collected once per tree; matching a name with them gives the words that must stand together in a text for it to be made
// there. A pasted name can itself be a part of another one, once. Hundreds of names can be cut in millions of ways, and nearly all have a part
// that no text has: so the words of all texts are collected first, and a cut is followed only as long as its parts are among them.

/** Literal pieces, null for a parameter: `x##_##y` is [null, '_', null]. */
export type PastePattern = readonly (string | null)[];

export interface Pastes {
  readonly patterns: readonly PastePattern[];
  /** [word, ...macros that hand it, together with a parameter of their own, to a macro that pastes]. */
  readonly handed: readonly (readonly [string, ...string[]])[];
}

interface Macro {
  readonly name: string;
  readonly parameters: ReadonlySet<string>;
  readonly body: string;
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
  /** One word of each set of words that make a name → the rest of the set. */
  readonly #needs = new Map<string, (readonly string[])[]>();
  readonly #seen = new Set<string>();

  /** @param known what is not in it is no part of a name */
  constructor(names: Iterable<string>, { patterns, handed }: Pastes, known: KnownWords) {
    const handers = new Map(
      handed.map(([word, ...macros]) => [word, macros.filter((each) => known.has(each))]),
    );
    for (const name of names) {
      const fitting = patterns.filter((pattern) =>
        pattern.every((piece) => piece === null || name.includes(piece)),
      );
      const cutter = new NameCutter(fitting, handers, known);
      for (const words of cutter.cut(name)) this.#need(words);
    }
  }

  /** Every identifier that could be a part of a name: what to search for. */
  *pieces(): Iterable<string> {
    for (const [word, others] of this.#needs) {
      yield word;
      for (const rest of others) yield* rest;
    }
  }

  /** Whether one of the names can be made with these identifiers. */
  canMake(own: ReadonlySet<string>): boolean {
    for (const word of own) {
      const others = this.#needs.get(word);
      if (others?.some((rest) => rest.every((each) => own.has(each))) === true) return true;
    }
    return false;
  }

  #need(words: readonly string[]): void {
    // Words that must all be there need not be asked for twice; the longest is the rarest.
    const key = words.join();
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const [first = '', ...rest] = [...words].sort((a, b) => b.length - a.length);
    const known = this.#needs.get(first);
    if (known === undefined) this.#needs.set(first, [rest]);
    else known.push(rest);
  }
}

/** Finds the ways to write a name with known words only: it is cut by one of the patterns, and one part of it may be made itself. */
class NameCutter {
  readonly #patterns: readonly PastePattern[];
  readonly #handers: ReadonlyMap<string, readonly string[]>;
  readonly #known: KnownWords;
  readonly #makings = new Map<string, readonly (readonly string[])[]>();

  /** @param handers word → macros that hand it */
  constructor(
    patterns: readonly PastePattern[],
    handers: ReadonlyMap<string, readonly string[]>,
    known: KnownWords,
  ) {
    this.#patterns = patterns;
    this.#handers = handers;
    this.#known = known;
  }

  *cut(name: string): Iterable<readonly string[]> {
    for (const pattern of this.#patterns) {
      for (const parts of cutBy(name, pattern, this.#known, 1)) {
        const unknown = parts.findIndex((part) => !this.#known.has(part));
        if (unknown < 0) yield parts;
        for (const [at, part] of parts.entries()) {
          if (unknown >= 0 && unknown !== at) continue;
          for (const words of this.#make(part)) yield parts.toSpliced(at, 1, ...words);
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
      for (const pattern of this.#patterns) {
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

/** The patterns of the macros of a text, and the names of those macros. */
export function scanPastes(text: string): {
  readonly patterns: readonly PastePattern[];
  readonly macros: readonly string[];
} {
  const patterns: PastePattern[] = [];
  const macros: string[] = [];
  for (const { name, parameters, body } of listMacros(text)) {
    for (const [run] of body.matchAll(/[\w$]*(?:\s*##\s*[\w$]*)+/g)) {
      const pieces = run
        .split('##')
        .map((piece) => piece.trim())
        .filter((piece) => piece !== '');
      patterns.push(pieces.map((piece) => (parameters.has(piece) ? null : piece)));
    }
    if (body.includes('##')) macros.push(name);
  }
  return { patterns: patterns.filter((pattern) => pattern.includes(null)), macros };
}

/** [macro, called macro, words]: what macros of a text hand to one of `macros` beside their own parameters. */
export function scanHandedWords(
  text: string,
  macros: ReadonlySet<string>,
): readonly (readonly [string, string, readonly string[]])[] {
  const handed: (readonly [string, string, readonly string[]])[] = [];
  for (const { name, parameters, body } of listMacros(text)) {
    for (const [, called = '', inside = ''] of body.matchAll(/([A-Za-z_$][\w$]*)\s*\(([^()]*)\)/g)) {
      const words = inside.match(/[A-Za-z_$][\w$]*/g) ?? [];
      if (!macros.has(called) || !words.some((word) => parameters.has(word))) continue;
      handed.push([name, called, words.filter((word) => !parameters.has(word))]);
    }
  }
  return handed;
}

function* listMacros(text: string): Iterable<Macro> {
  const joined = text.replace(/\\[ \t\r]*\n/g, ' ');
  for (const [, name = '', list = '', body = ''] of joined.matchAll(
    /^[ \t]*#[ \t]*define[ \t]+([\w$]+)\(([^)]*)\)(.*)$/gm,
  )) {
    const parameters = list.split(',').map((word) => word.trim().replace(/\.\.\.$/, ''));
    yield { name, parameters: new Set([...parameters.filter((word) => word !== ''), '__VA_ARGS__']), body };
  }
}
