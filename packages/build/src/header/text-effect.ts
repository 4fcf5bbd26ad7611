// Whether a change of preprocessed text can change code. An `#include` that comes makes declarations appear, or appear earlier, in the text of every
// includer, and hardly any of them compiles to something else. So texts are compared as sets of top-level pieces: their order decides nothing in C
// when both compile. What differs matters when it is code or data itself, or when such a piece mentions a name that a differing piece declares,
// by way of whatever declarations and inline functions stand between: the type of every expression comes from names.
// Rejected: comparing text as it is, which has all includers compiled; and the order of inclusion, which conditions and guards decide.

import { isFunction } from './chunk.js';
import { type ChunkShape, constantNames, isWord, nestedTags, readShape } from './chunk-shape.js';

/** @param before as gcc -E -P writes it, in latin1, like `after` */
export function affectsCode(before: string, after: string): boolean {
  const [old, now] = [splitPieces(before), splitPieces(after)];
  if (old === undefined || now === undefined) return true;
  const [gone, come] = [without(old, new Set(now)), without(now, new Set(old))];
  const differing = [...without(gone, new Set(come)), ...without(come, new Set(gone))];
  const names = new Set<string>();
  for (const piece of differing) if (!addNames(piece, names)) return true;
  const changed = new Set(differing);
  return isMentioned(now.filter((piece) => !changed.has(unnumber(piece))).reverse(), names);
}

/** Follows the names until nobody mentions new ones; true when code or data does. What a source itself has stands last, and is asked first. */
function isMentioned(pieces: readonly string[], names: ReadonlySet<string>): boolean {
  let asked = names;
  let open = pieces;
  while (asked.size > 0) {
    const found = new Set<string>();
    const rest: string[] = [];
    for (const piece of open) {
      if (!mentions(piece, asked)) rest.push(piece);
      else if (!addNames(piece, found)) return true;
    }
    asked = found;
    open = rest;
  }
  return false;
}

function mentions(piece: string, names: ReadonlySet<string>): boolean {
  for (const [word] of piece.matchAll(/[A-Za-z_]\w*/g)) if (names.has(word)) return true;
  return false;
}

function without(pieces: readonly string[], others: ReadonlySet<string>): readonly string[] {
  return pieces.filter((piece) => !others.has(piece)).map(unnumber);
}

/** The numbers of __UNIQUE_ID() count through the whole text. */
function unnumber(piece: string): string {
  return piece.includes('__UNIQUE_ID_') ? piece.replace(/(__UNIQUE_ID_\w*?)\d+\b/g, '$1') : piece;
}

/** Adds what a piece declares; false when it makes code or data, or says what cannot be followed. */
function addNames(piece: string, names: Set<string>): boolean {
  if (piece.startsWith('#')) return /^#\s*pragma GCC diagnostic/.test(piece);
  if (/^\s*(?:__extension__\s+)?_Static_assert\b/.test(piece)) return true;
  if (/\b(?:__)?(?:asm|asm__|alias|alias__|weakref)\b/.test(headOf(piece))) return false;
  const tokens = piece.replace(ATTRIBUTE, ' ').match(TOKEN) ?? [];
  const shape = readShape({ kind: 'code', tokens, conditions: '' });
  if (shape.kind === 'function' && !/\binline\b|__inline/.test(headOf(piece))) return false;
  if (!/^(?:function|record|enum|typedef|forward|declaration)$/.test(shape.kind)) return false;
  // A record or enum may be that of a variable.
  if ((shape.kind === 'record' || shape.kind === 'enum') && shape.declared.length > 0 && !isTypedef(tokens))
    return false;
  for (const name of namesOf(shape)) names.add(name);
  // Enumerators and tags may be declared anywhere in a piece.
  if (shape.kind === 'record' || shape.kind === 'typedef') addNested(tokens, names);
  return true;
}

/** What is said of a declaration and declares nothing. */
const ATTRIBUTE = /\b__attribute(?:__)?\s*\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)/g;
const TOKEN = /[A-Za-z_$][\w$]*|\.?\d[\w.]*|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|\S/g;

function isTypedef(tokens: readonly string[]): boolean {
  return tokens.find((token) => token !== '__extension__') === 'typedef';
}

function headOf(piece: string): string {
  const brace = piece.indexOf('{');
  return brace < 0 ? piece : piece.slice(0, brace);
}

function namesOf(shape: ChunkShape): readonly string[] {
  if (shape.kind === 'record') return [...(shape.tag === undefined ? [] : [shape.tag]), ...shape.declared];
  if (shape.kind === 'enum') return [...shape.constants.flatMap(constantNames), ...shape.declared];
  return 'names' in shape ? shape.names : [];
}

function addNested(tokens: readonly string[], names: Set<string>): void {
  for (const tag of nestedTags(tokens, /^(?:struct|union|enum)$/)) names.add(tag);
  for (const [at, token] of tokens.entries()) {
    const next = tokens[at + 1];
    if (token !== 'enum') continue;
    const open = next === '{' ? at + 1 : tokens[at + 2] === '{' ? at + 2 : -1;
    if (open < 0) continue;
    for (const constant of tokens.slice(open, tokens.indexOf('}', open)))
      if (isWord(constant)) names.add(constant);
  }
}

/** The top-level pieces of preprocessed text; undefined when brackets do not pair up. */
export function splitPieces(lines: string): readonly string[] | undefined {
  const text = `\n${lines}`;
  const pieces: string[] = [];
  let start = 0;
  let depth = 0;
  const end = (at: number) => {
    const piece = text.slice(start, at).trim();
    if (piece !== '' && piece !== ';') pieces.push(piece);
    start = at;
  };
  STOP.lastIndex = 0;
  for (let match = STOP.exec(text); match !== null; match = STOP.exec(text)) {
    const [stop] = match;
    const at = match.index + stop.length;
    if (stop === '{' || stop === '(') depth += 1;
    else if (stop === ')') depth -= 1;
    else if (stop === '}') {
      depth -= 1;
      if (depth === 0 && isFunctionHead(text.slice(start, at))) end(at);
    } else if (stop === ';') {
      if (depth === 0) end(at);
    } else if (stop.startsWith('\n#')) {
      if (depth > 0) return undefined;
      end(match.index);
      end(at);
    }
    if (depth < 0) return undefined;
  }
  end(text.length);
  return depth === 0 ? pieces : undefined;
}

/** Brackets, ends of declarations, literals, and directives that are left. */
const STOP = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}();]|\n#[^\n]*/g;

function isFunctionHead(piece: string): boolean {
  const brace = piece.indexOf('{');
  return isFunction([...(piece.slice(0, brace).match(TOKEN) ?? []), '{']);
}
