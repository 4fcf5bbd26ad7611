// From changed names to all names that carry the change on: a macro or an inline function that mentions a changed name is itself
// changed, and so is a structure that holds a changed one. In one round every header is asked for all names found since the last.

import { type ChangedNames, NameSet } from './changed-names.js';
import { type Chunk, splitChunks } from './chunk.js';
import {
  type ChunkShape,
  isDeclarator,
  isWord,
  plainBody,
  type RecordShape,
  readShape,
  withoutParameters,
  withoutTypedefParameters,
} from './chunk-shape.js';
import type { GiverSearch, GiverSet } from './giver.js';
import { callSites, type FindSites, macroSites, type PasteSite } from './paste-sites.js';
import type { TagUses } from './tag-uses.js';

/** What a header is asked for. */
export interface Asked extends Pick<ChangedNames, 'words' | 'types'> {
  /** Which of the words that matter the header has: those asked for, and parts of them. */
  readonly found: ReadonlySet<string>;
  readonly tags: TagUses;
  /** Whether one of the members is accessed, of whatever structure. */
  readonly namesMember: (tokens: readonly string[], sites: FindSites) => boolean;
  /** Whether it is one of a structure that the tokens can know. */
  readonly isAccessed: (tokens: readonly string[], sites: FindSites) => boolean;
  /** Whether one of them can be put together from words that the tokens have, at one of the places. */
  readonly isMade: (tokens: readonly string[], sites: FindSites) => boolean;
}

/** What a header of the tree adds to the changed names. */
export class HeaderNames {
  readonly #pieces: readonly Piece[] | undefined;

  constructor(text: string) {
    const { chunks, whole } = splitChunks(text);
    this.#pieces = whole ? chunks.map((chunk) => new Piece(chunk)) : undefined;
  }

  get isReadable(): boolean {
    return this.#pieces !== undefined;
  }

  /** @param found the words of the givers that the header has */
  addGivers(path: string, found: ReadonlySet<string>, search: GiverSearch, givers: GiverSet): void {
    if (this.#pieces === undefined) givers.headers.add(path);
    for (const { chunk, shape } of this.#piecesWith(found)) givers.addPiece(path, chunk, shape, search);
  }

  *#piecesWith(found: ReadonlySet<string>): Iterable<Piece> {
    for (const piece of this.#pieces ?? [])
      if (piece.chunk.tokens.some((token) => found.has(token))) yield piece;
  }

  /** Undefined when the header cannot be read and so whoever includes it must be looked at. */
  follow(asked: Asked): NameSet | undefined {
    if (this.#pieces === undefined) return undefined;
    const names = new NameSet();
    const { found } = asked;
    // Pieces that follow each other mostly stand under the same conditions.
    let conditions = '';
    let isConditional = false;
    for (const piece of this.#pieces) {
      const { chunk } = piece;
      if (chunk.conditions !== conditions) {
        conditions = chunk.conditions;
        isConditional = isMentioned(conditions.split(/\s/), asked, callSites);
      }
      if (isConditional || chunk.tokens.some((token) => found.has(token)))
        followPiece(piece, isConditional, asked, names);
    }
    return names;
  }
}

/** Most of a header does not mention what is asked for, and is never read further than into tokens. */
class Piece {
  readonly chunk: Chunk;
  #shape: ChunkShape | undefined;

  constructor(chunk: Chunk) {
    this.chunk = chunk;
  }

  get shape(): ChunkShape {
    this.#shape ??= readShape(this.chunk);
    return this.#shape;
  }
}

function followPiece({ chunk, shape }: Piece, isConditional: boolean, asked: Asked, names: NameSet): void {
  const { tokens } = chunk;
  if (chunk.kind === 'include' || chunk.kind === 'directive') {
    // What is included may depend on it.
    names.emitted ||= isConditional || isMentioned(tokens, asked, callSites);
    return;
  }
  if (isConditional) names.addChunk(shape);
  if (shape.kind === 'forward') return;
  if (shape.kind === 'record') followRecord(shape, asked, names);
  else if (shape.kind === 'enum') {
    const from = shape.constants.findIndex((constant) => isMentioned(constant.slice(1), asked, callSites));
    if (from >= 0) names.addConstants(shape.constants, shape.declared, from);
  } else if (shape.kind === 'typedef') {
    const isUsed =
      usesOf(tokens, asked).includes('value') || hasPointer(withoutTypedefParameters(tokens), asked);
    if (isUsed || isReached(tokens, asked)) names.addChunk(shape);
  } else if (shape.kind === 'declaration') {
    const inHead = shape.head.some((_, at) => isType(shape.head, at, asked));
    const isUsed = usesOf(tokens, asked).some((use) => use !== 'pointer' && use !== undefined);
    if (inHead || isUsed || isReached(tokens, asked)) names.addChunk(shape);
  } else if (shape.kind === 'define') {
    const { parameters } = shape;
    // A parameter is another one.
    const body = plainBody(shape);
    const sites = () => macroSites(parameters, shape.body);
    if (shape.name === '') return;
    if (asked.tags.isInBody(body) || isNamed(body, asked, sites)) names.addChunk(shape);
    else if (asked.namesMember(body, sites)) names.accesses.add(shape.name);
  } else if (isMentioned(tokens, asked, callSites)) names.addChunk(shape);
}

function followRecord(shape: RecordShape, asked: Asked, names: NameSet): void {
  for (const [at, member] of shape.members.entries()) {
    if (usesOf(member, asked).includes('value') || isReached(member, asked)) {
      names.addMembers(shape, at);
      return;
    }
    // The type behind the pointer changes: `sizeof(*x->member)` names nothing but the member.
    if (hasPointer(withoutParameters(member), asked)) names.addMembersOf(shape, [member]);
  }
}

/** By another way than its name. */
function isReached(tokens: readonly string[], { isAccessed, tags }: Asked): boolean {
  return isAccessed(tokens, namedCalls) || tags.isGiven(tokens, namedCalls);
}

function isType(tokens: readonly string[], at: number, { types, tags }: Asked): boolean {
  return types.has(tokens[at] ?? '') || tags.isAt(tokens, at);
}

/** Of a declaration, in which `)(` is no call. */
function namedCalls(tokens: readonly string[]): readonly PasteSite[] {
  return callSites(tokens).filter(({ macro }) => macro !== undefined);
}

/**
 * Whether what is declared leads to a changed type.
 * @param tokens without parameters: who calls a function has said the types of what it is given
 */
function hasPointer(tokens: readonly string[], asked: Asked): boolean {
  return usesOf(tokens, asked).includes('pointer');
}

/** For each token, how it uses a changed name. A name that is declared here is another one. */
function usesOf(tokens: readonly string[], asked: Asked): readonly ('value' | 'pointer' | undefined)[] {
  return tokens.map((token, at) => {
    if (!isWord(token)) return undefined;
    if (isType(tokens, at, asked)) {
      let next = at + 1;
      while (/^(?:const|volatile|__\w+)$/.test(tokens[next] ?? '')) next += 1;
      return tokens[next] === '*' ? 'pointer' : isDeclarator(tokens, at) ? undefined : 'value';
    }
    return asked.words.has(token) && !isDeclarator(tokens, at) ? 'value' : undefined;
  });
}

function isMentioned(tokens: readonly string[], asked: Asked, sites: FindSites): boolean {
  return isNamed(tokens, asked, sites) || asked.isAccessed(tokens, sites);
}

function isNamed(tokens: readonly string[], asked: Asked, sites: FindSites): boolean {
  return (
    tokens.some((token) => asked.words.has(token) || asked.types.has(token)) ||
    asked.tags.isIn(tokens, sites) ||
    asked.isMade(tokens, sites)
  );
}
