// From changed names to all names that carry the change on: a macro or an inline function that mentions a changed name is itself
// changed, and so is a structure that holds a changed one. In one round every header is asked for all names found since the last.

import { type ChangedNames, NameSet } from './changed-names.js';
import { type Chunk, splitChunks } from './chunk.js';
import { type ChunkShape, isDeclarator, isWord, readShape } from './chunk-shape.js';
import { callSites, type FindSites, macroSites, type PasteSite } from './paste-sites.js';

/** What a header is asked for. */
export interface Asked extends Pick<ChangedNames, 'words' | 'types'> {
  /** Which of the words that matter the header has: those asked for, and parts of them. */
  readonly found: ReadonlySet<string>;
  /** Whether one of the members is accessed. */
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
    if (usesOf(tokens, asked).some(Boolean) || asked.isAccessed(tokens, namedCalls)) names.addChunk(shape);
  } else if (shape.kind === 'declaration') {
    const inHead = shape.head.some((token) => asked.types.has(token));
    const isUsed = usesOf(tokens, asked).some((use) => use !== 'pointer' && use !== undefined);
    if (inHead || isUsed || asked.isAccessed(tokens, namedCalls)) names.addChunk(shape);
  } else if (shape.kind === 'define') {
    const { parameters } = shape;
    // A parameter is another one.
    const body = shape.body.map((token) => (parameters.has(token) ? '' : token));
    if (shape.name !== '' && isMentioned(body, asked, () => macroSites(parameters, shape.body)))
      names.addChunk(shape);
  } else if (isMentioned(tokens, asked, callSites)) names.addChunk(shape);
}

function followRecord(shape: Extract<ChunkShape, { kind: 'record' }>, asked: Asked, names: NameSet): void {
  for (const [at, member] of shape.members.entries()) {
    const uses = usesOf(member, asked);
    if (uses.includes('value') || asked.isAccessed(member, namedCalls)) {
      names.addMembers(shape, at);
      return;
    }
    // The type behind the pointer changes: `sizeof(*x->member)` names nothing but the member.
    if (uses.includes('pointer')) names.addMember(member);
  }
}

/** Of a declaration, in which `)(` is no call. */
function namedCalls(tokens: readonly string[]): readonly PasteSite[] {
  return callSites(tokens).filter(({ macro }) => macro !== undefined);
}

/** For each token, how it uses a changed name. A name that is declared here is another one. */
function usesOf(tokens: readonly string[], asked: Asked): readonly ('value' | 'pointer' | undefined)[] {
  return tokens.map((token, at) => {
    if (!isWord(token)) return undefined;
    if (asked.types.has(token)) {
      let next = at + 1;
      while (/^(?:const|volatile|__\w+)$/.test(tokens[next] ?? '')) next += 1;
      return tokens[next] === '*' ? 'pointer' : isDeclarator(tokens, at) ? undefined : 'value';
    }
    return asked.words.has(token) && !isDeclarator(tokens, at) ? 'value' : undefined;
  });
}

function isMentioned(tokens: readonly string[], asked: Asked, sites: FindSites): boolean {
  return (
    tokens.some((token) => asked.words.has(token) || asked.types.has(token)) ||
    asked.isAccessed(tokens, sites) ||
    asked.isMade(tokens, sites)
  );
}
