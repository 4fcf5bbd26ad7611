// By what code gets at an object of a type. An expression such as `dev->queues[0].head` begins with a name that is no member, and says its type where it is
// declared: a variable, a function, a macro, a cast. So members, which are called id, next or x in a thousand structures, matter only
// where such a name stands as well, of the type itself or of one that leads to it.

import type { Chunk } from './chunk.js';
import {
  type ChunkShape,
  type Define,
  isDeclarator,
  nestedTags,
  plainBody,
  type RecordShape,
  SAID_FOR_EVENTS,
  splitTop,
  withoutParameters,
  withoutTypedefParameters,
} from './chunk-shape.js';
import type { MacroReach } from './macro-reach.js';
import { callSites, type FindSites, macroSites } from './paste-sites.js';
import type { PastedNames } from './pasted-names.js';
import { TagUses } from './tag-uses.js';

/** Macros whose arguments say types of parameters, or nothing of what they declare. */
const DECLARES_NOTHING =
  /^(?:TRACE|DECLARE|DEFINE)_(?:\w+_)?EVENT|^(?:EXPORT_|MODULE_|BUILD_BUG|LSM_HOOK|static_assert|_Static_assert)/;

/** Names that give an object of one of some types, or of one that leads to it. */
export class GiverSet {
  readonly tags = new Set<string>();
  /** Typedefs, variables, functions and macros. */
  readonly words = new Set<string>();
  /** Headers that may declare something of the types under any name: whoever includes one is looked at. */
  readonly headers = new Set<string>();
  /** There are too many to tell anything from the rest. */
  isOpen = false;

  get size(): number {
    return this.tags.size + this.words.size;
  }

  /** Headers that all includers are to be looked at for. Where all is given, a member alone tells who is concerned. */
  carriers(): Iterable<string> {
    return this.isOpen ? [] : this.headers;
  }

  /** @returns those that were not there */
  add({ tags, words, headers, isOpen }: GiverSet): GiverSet {
    const fresh = new GiverSet();
    for (const path of headers) this.headers.add(path);
    addNew(tags, this.tags, fresh.tags);
    addNew(words, this.words, fresh.words);
    this.isOpen ||= isOpen;
    return fresh;
  }

  isWithin({ tags, words, isOpen }: GiverSet): boolean {
    const isIn = (some: ReadonlySet<string>, all: ReadonlySet<string>) =>
      [...some].every((name) => all.has(name));
    return isOpen || (isIn(this.tags, tags) && isIn(this.words, words));
  }

  /** The names of a structure, and the tags of those inside of it: one without is only reached by way of the structure. False when it has none. */
  addOwner({ tag, declared, members }: RecordShape): boolean {
    if (tag !== undefined) this.tags.add(tag);
    for (const name of declared) this.words.add(name);
    for (const nested of members.flatMap((member) => nestedTags(member, /^(?:struct|union)$/)))
      this.tags.add(nested);
    return tag !== undefined || declared.length > 0;
  }

  /** What a piece of a header declares of the types. */
  addPiece(path: string, { tokens }: Chunk, shape: ChunkShape, search: GiverSearch): void {
    const isGiving = (some: readonly string[]) => search.isIn(some, callSites);
    if (shape.kind === 'define') {
      if (!SAID_FOR_EVENTS.has(shape.name) && search.isInDefine(shape)) this.words.add(shape.name);
    } else if (shape.kind === 'record') {
      const isHolding = shape.members.flatMap(flatten).some((member) => isGiving(typeOf(member)));
      if (isHolding || (shape.tag !== undefined && search.givesTag(shape.tag))) this.addOwner(shape);
    } else if (shape.kind === 'function' || shape.kind === 'declaration') {
      // Who calls it has said the types of what it is given.
      const last = Math.max(...shape.names.map((name) => tokens.indexOf(name)));
      if (isGiving(tokens.slice(0, last + 1))) this.#addWords(shape.names);
    } else if (shape.kind === 'typedef') {
      if (isGiving(withoutTypedefParameters(tokens))) this.#addWords(shape.names);
    } else if (shape.kind === 'variable') {
      const assigned = tokens.indexOf('=');
      if (isGiving(withoutParameters(assigned < 0 ? tokens : tokens.slice(0, assigned))))
        this.#addWords(shape.names);
    } else if (shape.kind === 'call' && !DECLARES_NOTHING.test(shape.macro) && isGiving(tokens)) {
      if (/^DE(?:CLARE|FINE)_PER_CPU/.test(shape.macro)) this.#addWords(shape.arguments.slice(-1));
      else this.headers.add(path);
    }
  }

  #addWords(words: readonly string[]): void {
    for (const word of words) this.words.add(word);
  }
}

/** Without the names that it declares, which are others than variables and functions of that name. */
function typeOf(member: readonly string[]): readonly string[] {
  const plain = withoutParameters(member);
  return plain.map((token, at) => (isDeclarator(plain, at) ? '' : token));
}

/** Members of nested structures for themselves. */
function flatten(member: readonly string[]): readonly (readonly string[])[] {
  const [open, close] = [member.indexOf('{'), member.lastIndexOf('}')];
  if (open < 0 || close < open) return [member];
  const inside = splitTop(member.slice(open + 1, close), ';');
  return [[...member.slice(0, open + 1), ...member.slice(close)], ...inside.flatMap(flatten)];
}

function addNew(from: Iterable<string>, to: Set<string>, fresh: Set<string>): void {
  for (const name of from) {
    if (to.has(name)) continue;
    to.add(name);
    fresh.add(name);
  }
}

/** Tells whether givers stand in a text; asked first for what its bytes have. */
export class GiverSearch {
  readonly #givers: GiverSet;
  readonly #pasted: PastedNames;
  readonly #tags: TagUses;

  /** @param pasted how the givers can be made */
  constructor(givers: GiverSet, pasted: PastedNames, { taggers }: Pick<MacroReach, 'taggers'>) {
    this.#givers = givers;
    this.#pasted = pasted;
    this.#tags = new TagUses(givers.tags, taggers);
  }

  /** All is given anyway. */
  get isOpen(): boolean {
    return this.#givers.isOpen;
  }

  /** What to search for. */
  *words(): Iterable<string> {
    const { tags, words } = this.#givers;
    yield* tags;
    yield* words;
    yield* this.#pasted.pieces();
  }

  /** Whether one can stand in a text with these words. */
  mayStand(found: ReadonlySet<string>): boolean {
    const { isOpen, tags, words } = this.#givers;
    if (isOpen) return true;
    for (const word of found) if (tags.has(word) || words.has(word)) return true;
    return this.#pasted.canMake(found);
  }

  isIn(tokens: readonly string[], sites: FindSites): boolean {
    if (this.#givers.isOpen || tokens.some((token) => this.#givers.words.has(token))) return true;
    if (this.#tags.isIn(tokens, sites)) return true;
    return this.#pasted.canMakeIn(tokens, sites);
  }

  givesTag(tag: string): boolean {
    return this.#givers.tags.has(tag);
  }

  isInDefine(define: Define): boolean {
    const body = plainBody(define);
    return this.#tags.isInBody(body) || this.isIn(body, () => macroSites(define.parameters, define.body));
  }
}
