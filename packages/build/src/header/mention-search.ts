// Whether a source uses one of the names that change: they are written in its code, or its words are those that a macro would paste a name from.
// Whatever the bytes have is found first, at the speed of the disk; comments and messages, in which words such as `tcp`, `is` and `migrate` stand, are
// taken away only from what was found.

import { sourceText, stripProse } from '../patch/source-text.js';
import { type Chunk, splitChunks } from './chunk.js';
import { isIdentifier, readDefine } from './chunk-shape.js';
import { isDisjoint, type MacroSet } from './macro-set.js';
import { MemberUses } from './member-uses.js';
import type { FollowedNames } from './name-closure.js';
import { callSites, macroSites, openPlace, type PasteSite } from './paste-sites.js';
import type { PastedNames } from './pasted-names.js';
import { WordSearch } from './word-search.js';

export type Mention = 'written' | 'pasted';

export class MentionSearch {
  readonly #words: ReadonlySet<string>;
  readonly #members: ReadonlySet<string>;
  readonly #accesses: MemberUses;
  readonly #pasted: PastedNames;
  readonly #search: WordSearch;

  /** @param accessors see MemberUses */
  constructor(
    { words, members }: Pick<FollowedNames, 'words' | 'members'>,
    pasted: PastedNames,
    accessors: MacroSet,
  ) {
    this.#words = words;
    this.#members = members;
    this.#accesses = new MemberUses(members, accessors);
    this.#pasted = pasted;
    this.#search = new WordSearch([...words, ...members, ...pasted.pieces()]);
  }

  /** @param path tells the language */
  find(path: string, bytes: Uint8Array): Mention | undefined {
    const mention = this.#judge(this.#search.find(bytes));
    // What is a comment in assembly depends on the assembler.
    if (mention === undefined || !/\.[ch]$/.test(path)) return mention;
    const text = sourceText(bytes);
    // A name in quotes says there which function another name stands for.
    if (/\b(?:__)?(?:alias|weakref)/.test(text)) return mention;
    return this.#judgeCode(stripProse(text));
  }

  #judge(found: ReadonlySet<string>): Mention | undefined {
    for (const word of found) if (this.#words.has(word) || this.#members.has(word)) return 'written';
    return this.#pasted.canMake(found) ? 'pasted' : undefined;
  }

  #judgeCode(code: string): Mention | undefined {
    const found = this.#search.find(Buffer.from(code, 'latin1'));
    if (this.#judge(found) === undefined) return undefined;
    for (const word of found) if (this.#words.has(word)) return 'written';
    const { chunks } = splitChunks(code);
    const sites = sitesOf(chunks);
    const tokens = chunks.flatMap((chunk) => chunk.tokens);
    if (this.#accesses.isIn(tokens, () => sites)) return 'written';
    return this.#pasted.canMakeAt(sites) ? 'pasted' : undefined;
  }
}

/**
 * The macros of a source itself are not among those of the tree: whatever they have may come to where they are used. All such places count as
 * one: a driver has thousands of them, and thousands of words in its macros.
 */
function sitesOf(chunks: readonly Chunk[]): readonly PasteSite[] {
  const defines = chunks.flatMap(({ kind, tokens }) => (kind === 'define' ? [readDefine(tokens)] : []));
  const calls = chunks.flatMap(({ kind, tokens }) => (kind === 'define' ? [] : callSites(tokens)));
  const sites = [...defines.flatMap(({ parameters, body }) => macroSites(parameters, body)), ...calls];
  const own = new Set(defines.map(({ name }) => name));
  const using = sites.filter(({ words }) => !isDisjoint(words, own));
  if (using.length === 0) return sites;
  const words = new Set<string>();
  for (const { body } of defines) for (const token of body) if (isIdentifier(token)) words.add(token);
  for (const site of using) for (const word of site.words) words.add(word);
  return [...sites, openPlace(words)];
}
