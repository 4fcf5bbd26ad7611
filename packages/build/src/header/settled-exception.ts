// For whom the layout that a compiler gives a struct in one object says nothing: code that gives values by
// the order of members, which a new one in the middle shifts, and code that itself defines a macro on which the struct's members depend.

import { splitChunks } from './chunk.js';
import { readShape } from './chunk-shape.js';

/** What every object of a kernel has the same, and the words of the directives themselves. */
const SAME_FOR_ALL =
  /^(?:CONFIG_\w+|defined|IS_(?:ENABLED|BUILTIN|MODULE)|(?:el)?if(?:n?def)?|else|__KERNEL__|_\w*H_*)$/;

export interface SettledTypes {
  readonly tags: ReadonlySet<string>;
  /** Macros that decide which members those types have, the configuration aside. */
  readonly conditions: ReadonlySet<string>;
}

/** @param texts of the changed headers, on both sides */
export function describeSettled(tags: ReadonlySet<string>, texts: readonly string[]): SettledTypes {
  const conditions = new Set<string>();
  if (tags.size === 0) return { tags, conditions };
  for (const chunk of texts.flatMap((text) => splitChunks(text).chunks)) {
    const shape = chunk.kind === 'code' ? readShape(chunk) : undefined;
    if (shape?.kind !== 'record' || shape.tag === undefined || !tags.has(shape.tag)) continue;
    const inside = [...chunk.tokens.join(' ').matchAll(/# (?:el)?if(?:n?def)? (.*?) #/g)];
    const tests = [...chunk.conditions.split('\n'), ...inside.map(([, test]) => test ?? '')];
    for (const word of tests.flatMap((test) => test.match(/[A-Za-z_]\w*/g) ?? []))
      if (!SAME_FOR_ALL.test(word)) conditions.add(word);
  }
  return { tags, conditions };
}

/** Whether one of the types may mean something else in a text. */
export function isException(text: string, { tags, conditions }: SettledTypes): boolean {
  return [...tags].some((tag) => givesValuesByOrder(text, tag)) || definesOne(text, conditions);
}

/** `struct foo a = { 1, 2 }`, `(struct foo){ 1, 2 }`. */
function givesValuesByOrder(text: string, tag: string): boolean {
  if (!text.includes(tag)) return false;
  const type = `\\b(?:struct|union)\\s+${tag}\\b`;
  const first = '\\{(?!\\s*(?:[.}[]|0\\s*[,}]))';
  const assigned = `${type}[^;{}()=]*=\\s*${first}`;
  const literal = `\\(\\s*(?:const\\s+)?${type}\\s*(?:\\[[^\\]]*\\]\\s*)?\\)\\s*${first}`;
  return new RegExp(`${assigned}|${literal}`).test(text);
}

function definesOne(text: string, macros: ReadonlySet<string>): boolean {
  const defined = text.matchAll(/^[ \t]*#[ \t]*(?:define|undef)[ \t]+(\w+)/gm);
  return macros.size > 0 && [...defined].some(([, name]) => macros.has(name ?? ''));
}
