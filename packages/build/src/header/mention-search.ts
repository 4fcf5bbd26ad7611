// Whether a source uses one of the names that change: they are written in its code, or its words are those that a macro would paste a name from.
// Whatever the bytes have is found first, at the speed of the disk; comments and messages, in which words such as `tcp`, `is` and `migrate` stand, are
// taken away only from what was found.

import { sourceText, stripProse } from '../patch/source-text.js';
import { type Chunk, splitChunks } from './chunk.js';
import { type Define, isIdentifier, plainBody, readDefine } from './chunk-shape.js';
import type { GiverSearch } from './giver.js';
import type { MacroReach } from './macro-reach.js';
import { isDisjoint } from './macro-set.js';
import { listMacros } from './macro-text.js';
import { MemberUses } from './member-uses.js';
import type { FollowedNames } from './name-closure.js';
import { callSites, macroSites, openPlace, type PasteSite } from './paste-sites.js';
import type { PastedNames } from './pasted-names.js';
import { TagUses } from './tag-uses.js';
import { WordSearch } from './word-search.js';

export type Mention = 'written' | 'pasted';

export class MentionSearch {
  readonly #words: ReadonlySet<string>;
  readonly #members: ReadonlySet<string>;
  readonly #accesses: ReadonlySet<string>;
  readonly #uses: MemberUses;
  readonly #givers: GiverSearch;
  readonly #tags: ReadonlySet<string>;
  readonly #namings: TagUses;
  readonly #pasted: PastedNames;
  readonly #pastedMembers: PastedNames;
  readonly #search: WordSearch;

  /** @param pasted how names can be made, and how members */
  constructor(
    { words, members, accesses, tags }: Pick<FollowedNames, 'words' | 'members' | 'accesses' | 'tags'>,
    givers: GiverSearch,
    pasted: { readonly names: PastedNames; readonly members: PastedNames },
    macros: Pick<MacroReach, 'accessors' | 'taggers'>,
  ) {
    this.#words = words;
    this.#members = members;
    this.#accesses = accesses;
    this.#uses = new MemberUses(members, macros.accessors);
    this.#givers = givers;
    this.#tags = tags;
    this.#namings = new TagUses(tags, macros.taggers);
    this.#pasted = pasted.names;
    this.#pastedMembers = pasted.members;
    this.#search = new WordSearch([
      ...words,
      ...members,
      ...accesses,
      ...tags,
      ...givers.words(),
      ...pasted.names.pieces(),
      ...pasted.members.pieces(),
    ]);
  }

  /** @param path tells the language */
  find(path: string, bytes: Uint8Array): Mention | undefined {
    const found = this.#search.find(bytes);
    const mention = this.#judge(found);
    // What is a comment in assembly depends on the assembler.
    if (!/\.[ch]$/.test(path)) return mention;
    if (mention === undefined && !this.#mayHandOn(found)) return undefined;
    const text = sourceText(bytes);
    // A name in quotes says there which function another name stands for.
    if (/\b(?:__)?(?:alias|weakref)/.test(text)) return mention;
    return this.#judgeCode(stripProse(text));
  }

  #judge(found: ReadonlySet<string>): Mention | undefined {
    let mayAccess = false;
    for (const word of found) {
      if (this.#words.has(word) || this.#tags.has(word)) return 'written';
      mayAccess ||= this.#members.has(word) || this.#accesses.has(word);
    }
    if (mayAccess && this.#givers.mayStand(found)) return 'written';
    const isMade =
      this.#pasted.canMake(found) || (this.#pastedMembers.canMake(found) && this.#givers.mayStand(found));
    return isMade ? 'pasted' : undefined;
  }

  /** What stands before an `#include` may be used by what is included: `#define TYPE struct port`, and then a template that accesses members. */
  #mayHandOn(found: ReadonlySet<string>): boolean {
    return this.#members.size > 0 && !this.#givers.isOpen && this.#givers.mayStand(found);
  }

  #handsOn({ kind, tokens }: Chunk): boolean {
    if (kind === 'define') return this.#givers.isInDefine(readDefine(tokens));
    return this.#givers.isIn(tokens, callSites);
  }

  #judgeCode(code: string): Mention | undefined {
    const found = this.#search.find(Buffer.from(code, 'latin1'));
    const mayHandOn = this.#mayHandOn(found);
    if (!mayHandOn && this.#judge(found) === undefined) return undefined;
    for (const word of found) if (this.#words.has(word)) return 'written';
    const { chunks } = splitChunks(code);
    const defines = chunks.flatMap(({ kind, tokens }) => (kind === 'define' ? [readDefine(tokens)] : []));
    if (defines.some((define) => this.#namings.isInBody(plainBody(define)))) return 'written';
    const tokens = chunks.flatMap((chunk) => chunk.tokens);
    const { own, open } = sitesOf(chunks, defines);
    const sites = [...own, ...open];
    const isGiven = this.#givers.isIn(tokens, () => sites);
    const accesses =
      tokens.some((token) => this.#accesses.has(token)) || this.#uses.isIn(tokens, () => sites);
    if (accesses && isGiven) return 'written';
    if (mayHandOn && listHandedOn(chunks).some((chunk) => this.#handsOn(chunk))) return 'written';
    const isOpen = () => [...listMacros(code)].some((macro) => this.#namings.isTagger(macro));
    if (this.#namings.isIn(tokens, () => (isOpen() ? sites : own))) return 'written';
    const isMade = this.#pasted.canMakeAt(sites) || (isGiven && this.#pastedMembers.canMakeAt(sites));
    return isMade ? 'pasted' : undefined;
  }
}

/** What stands before the last `#include`. */
function listHandedOn(chunks: readonly Chunk[]): readonly Chunk[] {
  const last = chunks.findLastIndex(({ kind }) => kind === 'include');
  return chunks.slice(0, Math.max(last, 0)).filter(({ kind }) => kind === 'define' || kind === 'code');
}

/**
 * The macros of a source itself are not among those of the tree: whatever they have may come to where they are used. All such places count as
 * one: a driver has thousands of them, and thousands of words in its macros.
 */
function sitesOf(
  chunks: readonly Chunk[],
  defines: readonly Define[],
): { readonly own: readonly PasteSite[]; readonly open: readonly PasteSite[] } {
  const calls = chunks.flatMap(({ kind, tokens }) => (kind === 'define' ? [] : callSites(tokens)));
  const sites = [...defines.flatMap(({ parameters, body }) => macroSites(parameters, body)), ...calls];
  const names = new Set(defines.map(({ name }) => name));
  const using = sites.filter(({ words }) => !isDisjoint(words, names));
  if (using.length === 0) return { own: sites, open: [] };
  const words = new Set<string>();
  for (const { body } of defines) for (const token of body) if (isIdentifier(token)) words.add(token);
  for (const site of using) for (const word of site.words) words.add(word);
  return { own: sites, open: [openPlace(words)] };
}
