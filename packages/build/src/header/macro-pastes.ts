// How macros paste: `x##_##y` as a pattern, what of it the macro calls, and what it hands to others that paste.

import { listMacros, type MacroText } from './macro-text.js';

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
  /** Macros that may put `struct` before what they are given, or give it. */
  readonly taggers: readonly string[];
  /** [word, ...macros that hand it, together with a parameter of their own, to a macro that pastes]. */
  readonly handed: readonly (readonly [string, ...string[]])[];
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
