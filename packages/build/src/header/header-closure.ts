// From changed names to all names that carry the change on: a macro or an inline function that mentions a changed name is itself
// changed, and so is a structure that holds a changed one. In one round every header is asked for all names found since the last.

import { type ChangedNames, memberNames, NameSet } from './changed-names.js';
import { type Chunk, splitChunks } from './chunk.js';
import { type ChunkShape, isDeclarator, isWord, readShape } from './chunk-shape.js';

/** What a header of the tree adds to the changed names. */
export class HeaderNames {
  readonly #chunks: readonly { readonly chunk: Chunk; readonly shape: ChunkShape }[] | undefined;

  constructor(text: string) {
    const { chunks, whole } = splitChunks(text);
    this.#chunks = whole ? chunks.map((chunk) => ({ chunk, shape: readShape(chunk) })) : undefined;
  }

  get isReadable(): boolean {
    return this.#chunks !== undefined;
  }

  /** Undefined when the header cannot be read and so whoever includes it must be looked at. */
  follow(
    changed: Pick<ChangedNames, 'words' | 'types'>,
    isMade: (words: readonly string[]) => boolean,
  ): NameSet | undefined {
    if (this.#chunks === undefined) return undefined;
    const names = new NameSet();
    for (const { chunk, shape } of this.#chunks) followChunk(chunk, shape, { ...changed, isMade }, names);
    return names;
  }
}

interface Asked extends Pick<ChangedNames, 'words' | 'types'> {
  readonly isMade: (words: readonly string[]) => boolean;
}

function followChunk(chunk: Chunk, shape: ChunkShape, asked: Asked, names: NameSet): void {
  const { tokens } = chunk;
  const isConditional = isMentioned(chunk.conditions.match(/\w+/g) ?? [], asked);
  if (chunk.kind === 'include' || chunk.kind === 'directive') {
    // What is included may depend on it.
    names.emitted ||= isConditional || isMentioned(tokens, asked);
    return;
  }
  if (isConditional) names.addChunk(shape);
  if (shape.kind === 'forward') return;
  if (shape.kind === 'record') followRecord(shape, asked, names);
  else if (shape.kind === 'enum') {
    const from = shape.constants.findIndex((constant) => isMentioned(constant.slice(1), asked));
    if (from >= 0) names.addConstants(shape.constants, shape.declared, from);
  } else if (shape.kind === 'typedef') {
    if (usesOf(tokens, asked).some(Boolean)) names.addChunk(shape);
  } else if (shape.kind === 'declaration') {
    const inHead = shape.head.some((token) => asked.types.has(token));
    if (inHead || usesOf(tokens, asked).some((use) => use !== 'pointer' && use !== undefined))
      names.addChunk(shape);
  } else if (shape.kind === 'define') {
    if (shape.name !== '' && isMentioned(shape.body, asked)) names.addChunk(shape);
  } else if (isMentioned(tokens, asked)) names.addChunk(shape);
}

function followRecord(shape: Extract<ChunkShape, { kind: 'record' }>, asked: Asked, names: NameSet): void {
  for (const [at, member] of shape.members.entries()) {
    const uses = usesOf(member, asked);
    if (uses.some((use) => use === 'value')) {
      names.addMembers(shape, at);
      return;
    }
    // The type behind the pointer changes: `sizeof(*x->member)` names nothing but the member.
    if (uses.includes('pointer')) names.addWords(memberNames(member));
  }
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

function isMentioned(tokens: readonly string[], asked: Asked): boolean {
  if (tokens.some((token) => asked.words.has(token) || asked.types.has(token))) return true;
  return asked.isMade(tokens);
}
