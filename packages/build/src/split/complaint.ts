// What a compiler says about a unit that does not compile alone: which names it misses, or finds to be other than they are used. Only
// names and places are taken from it; which other unit has them is decided in find-partners.ts. Messages are gcc's, in English (the
// environment of every tool is fixed so).

import { normalize } from 'node:path/posix';
import { listIdentifiers } from './c-outline.js';

export interface MissingName {
  readonly kind: 'name' | 'member' | 'file';
  readonly name: string;
  /** Tag of the structure, for a member. */
  readonly tag?: string;
}

export interface Complaint {
  /** What the errors name, in their order, each once. */
  readonly names: readonly MissingName[];
  /** Identifiers of the source lines that gcc shows below its errors: weaker evidence. */
  readonly words: ReadonlySet<string>;
  /** Files that an error stands in. */
  readonly files: readonly string[];
}

const ERROR = /^(?<file>[^\s:]+):\d+:(?:\d+:)? (?:fatal )?error: (?<text>.*)$/;
/** A line of source below a message: `  123 |   code`. */
const SHOWN = /^\s*\d+ \| (?<code>.*)$/;

/** Each pattern: the first group is the name, the second, if any, the tag. */
const PATTERNS: readonly { readonly kind: MissingName['kind']; readonly pattern: RegExp }[] = [
  {
    kind: 'member',
    pattern:
      /'(?:[^']*\{aka ')?(?:const |volatile )*(?:struct|union) (?<tag>\w+)'?\}? has no member named '(?<name>\w+)'/,
  },
  { kind: 'member', pattern: /has no member named '(?<name>\w+)'/ },
  { kind: 'member', pattern: /unknown field '(?<name>\w+)'/ },
  { kind: 'file', pattern: /(?<name>[\w./+-]+): No such file or directory/ },
  {
    kind: 'name',
    pattern:
      /(?:function|declaration of|types for|redefinition of|unknown type name|macro|argument \d+ of|static declaration of|use of undefined type|incomplete type|incomplete element type|storage size of|parameter .* of) ['"](?:(?:const |volatile )*(?:struct|union|enum) )?(?<name>\w+)['"]/,
  },
  {
    kind: 'name',
    pattern:
      /'(?:(?:const |volatile )*(?:struct|union|enum) )?(?<name>\w+)' (?:undeclared|defined but not used|used but never defined|declared 'static' but never defined|redeclared|has no|is not)/,
  },
];

/** Reads the words of gcc; nothing is found in a text that is none of its. */
export function parseComplaint(text: string): Complaint {
  const names = new Map<string, MissingName>();
  const words = new Set<string>();
  const files = new Set<string>();
  let isBelowError = false;
  for (const line of text.split('\n')) {
    const error = ERROR.exec(line)?.groups;
    if (error !== undefined) {
      // ./include/linux/a.h, drivers/gpu/drm/amd/amdgpu/../pm/x.c
      files.add(normalize(error.file ?? ''));
      for (const found of findNames(error.text ?? '')) names.set(`${found.tag ?? ''} ${found.name}`, found);
    }
    const shown = SHOWN.exec(line)?.groups?.code;
    if (shown === undefined) isBelowError = error !== undefined;
    else if (isBelowError) for (const word of listIdentifiers(shown)) words.add(word);
  }
  return { names: [...names.values()], words, files: [...files] };
}

function findNames(message: string): readonly MissingName[] {
  for (const { kind, pattern } of PATTERNS) {
    const { name, tag } = pattern.exec(message)?.groups ?? {};
    if (name !== undefined) return [{ kind, name, ...(tag === undefined ? {} : { tag }) }];
  }
  // "initialization of 'int (*)(struct dev *)' from incompatible pointer type": the types may be what is new.
  return [...message.matchAll(/\b(?:struct|union|enum) (\w+)/g)].map(([, name = '']) => ({
    kind: 'name',
    name,
  }));
}

/** gcc's errors with the line of source below each, every one once: an error in a header comes again with every object. */
export function condenseErrors(texts: readonly string[]): string {
  const kept = new Map<string, string>();
  for (const text of texts) {
    const lines = text.split('\n');
    for (const [at, line] of lines.entries()) {
      if (!ERROR.test(line)) continue;
      const next = lines[at + 1] ?? '';
      kept.set(line, SHOWN.test(next) ? `${line}\n${next}` : line);
    }
  }
  return [...kept.values()].join('\n');
}
