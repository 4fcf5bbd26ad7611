// A name need not be written to be used: `Page##uname` makes PageLocked out of `PAGEFLAG(Locked, …)`. The patterns of all macros that
// paste are collected once per tree; matching a name with them gives the words that must stand together in a text for it to be made
// there. A pasted name can itself be a part of another one, once.

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

export class PastedNames {
  /** One word of each set of words that make a name → the rest of the set. */
  readonly #needs = new Map<string, (readonly string[])[]>();
  readonly #seen = new Set<string>();

  constructor(names: Iterable<string>, { patterns, handed }: Pastes) {
    const handers = new Map(handed.map(([word, ...macros]) => [word, macros]));
    const whole = new NameCutter(patterns);
    // Two parameters joined make a part of a name only where the name itself is one.
    const inner = new NameCutter(patterns.filter((pattern) => pattern.some((piece) => piece !== null)));
    for (const name of names) {
      for (const parts of whole.cut(name)) {
        this.#need(parts);
        for (const [at, part] of parts.entries()) {
          for (const macro of handers.get(part) ?? []) this.#need(parts.toSpliced(at, 1, macro));
          // Two letters are not pasted from parts.
          if (part.length < 3) continue;
          for (const pieces of inner.cut(part)) this.#need(parts.toSpliced(at, 1, ...pieces));
        }
      }
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

/** Finds the ways to read a name by one of the patterns: the parts that are parameters. */
class NameCutter {
  readonly #patterns: readonly PastePattern[];
  readonly #known = new Map<string, readonly (readonly string[])[]>();

  constructor(patterns: readonly PastePattern[]) {
    this.#patterns = patterns;
  }

  cut(name: string): readonly (readonly string[])[] {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const ways = this.#patterns
      .filter((pattern) => pattern.every((piece) => piece === null || name.includes(piece)))
      .flatMap((pattern) => matchPattern(name, 0, pattern, 0).filter((parts) => parts.length > 0));
    const distinct = [...new Map(ways.map((parts) => [parts.join(), parts])).values()];
    this.#known.set(name, distinct);
    return distinct;
  }
}

function matchPattern(
  name: string,
  start: number,
  pattern: PastePattern,
  index: number,
): (readonly string[])[] {
  if (index === pattern.length) return start === name.length ? [[]] : [];
  const piece = pattern[index];
  if (typeof piece === 'string') {
    return name.startsWith(piece, start) ? matchPattern(name, start + piece.length, pattern, index + 1) : [];
  }
  const found: (readonly string[])[] = [];
  // An argument may be empty.
  found.push(...matchPattern(name, start, pattern, index + 1));
  const last = index + 1 === pattern.length ? name.length : start + 1;
  for (let end = Math.max(last, start + 1); end <= name.length; end += 1) {
    if (end - start === name.length) continue;
    for (const rest of matchPattern(name, end, pattern, index + 1))
      found.push([name.slice(start, end), ...rest]);
  }
  return found;
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
