// Who means a structure by its tag: tags are called port, key or file, as are parameters and variables everywhere, but one is only the type behind
// `struct` or `union`, or where a macro puts that before what it is given: `#define OFFSET(tag, member) offsetof(struct tag, member)`.

import { isIdentifier } from './chunk-shape.js';
import { isDisjoint, type MacroSet } from './macro-set.js';
import type { MacroText } from './macro-text.js';
import type { FindSites } from './paste-sites.js';

const KEYWORD = /^(?:struct|union|enum)$/;
/** What may stand between the keyword and the tag. */
const DECORATION = /^(?:__\w+|[A-Z]\w*)$/;
const ATTRIBUTE = /^__(?:attribute(?:__)?|aligned|packed)$/;

export class TagUses {
  readonly #tags: ReadonlySet<string>;
  readonly #taggers: MacroSet;

  /** @param taggers macros that may put the keyword before what they are given, or give it themselves */
  constructor(tags: ReadonlySet<string>, taggers: MacroSet) {
    this.#tags = tags;
    this.#taggers = taggers;
  }

  isIn(tokens: readonly string[], findSites: FindSites): boolean {
    return tokens.some((_, at) => this.isAt(tokens, at)) || this.isGiven(tokens, findSites);
  }

  /** Whether the token is one of the tags, behind the keyword. */
  isAt(tokens: readonly string[], at: number): boolean {
    if (!this.#tags.has(tokens[at] ?? '')) return false;
    const [first = '', before = ''] = tokens.slice(Math.max(0, at - 2), at).slice(-2);
    return KEYWORD.test(before || first) || (DECORATION.test(before) && KEYWORD.test(first));
  }

  /** Whether one of the tags stands where the keyword may come from elsewhere. */
  isGiven(tokens: readonly string[], findSites: FindSites): boolean {
    if (!tokens.some((token) => this.#tags.has(token))) return false;
    if (tokens.some((_, at) => isLoose(tokens, at) || this.#isHanded(tokens, at))) return true;
    return findSites(tokens).some((site) => !isDisjoint(site.words, this.#tags) && this.#taggers.isAt(site));
  }

  /**
   * At the beginning of what a macro stands for, or behind a parameter: the keyword may come from where it is used, as with
   * `#define elf_prstatus compat_elf_prstatus`.
   * @param body see plainBody
   */
  isInBody(body: readonly string[]): boolean {
    return body.some((token, at) => this.#tags.has(token) && /^(?:##)?$/.test(body[at - 1] ?? ''));
  }

  /** Whether a macro leads to the keyword for what it is given. */
  isTagger(macro: MacroText): boolean {
    return (
      putsKeyword(macro) ||
      (macro.body.match(/[A-Za-z_$][\w$]*/g) ?? []).some((word) => this.#taggers.has(word))
    );
  }

  /** A macro that gives the keyword without being called: `#define S struct`; or that another one may call. */
  #isHanded(tokens: readonly string[], at: number): boolean {
    return tokens[at + 1] !== '(' && this.#taggers.has(tokens[at] ?? '');
  }
}

/** A keyword without a tag: `BTF_ID(struct, port)`, or with one that a macro gives: `struct NAME(port)`. */
function isLoose(tokens: readonly string[], at: number): boolean {
  if (!KEYWORD.test(tokens[at] ?? '')) return false;
  const [next, after, behind] = tokens.slice(at + 1, at + 4);
  if (!isIdentifier(next)) return next !== '{';
  // `enum result (*ask)(…)` declares a pointer to a function.
  return after === '(' && behind !== '*' && !ATTRIBUTE.test(next);
}

const PUT =
  /\b(?:struct|union|enum)\b(?:\s+(?:__attribute__\s*\(\([^()]*(?:\([^()]*\)[^()]*)*\)\)|__\w+(?=\s+[\w$])))*(?:\s+([\w$]+(?:\s*##\s*[\w$]+)*)(\s*\()?)?\s*(.)?/g;

/** Whether a macro puts the keyword before what it is given, or what it stands for ends with one. */
export function putsKeyword({ parameters, body }: MacroText): boolean {
  for (const [, tag, call, next] of body.matchAll(PUT)) {
    if (tag === undefined) {
      if (next !== '{') return true;
    } else if (call !== undefined && !ATTRIBUTE.test(tag)) return true;
    else if (tag.split(/\s*##\s*/).every((part) => parameters?.has(part) === true)) return true;
  }
  return false;
}
