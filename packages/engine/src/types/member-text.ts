// Moves declarations of members within the text of a struct. Only what can be read without doubt is moved: whole lines, one declaration
// each, at the top level of the only definition of the tag. Anything else is left, and the patch is refused as it would have been.

import type { Placement } from './member-place.js';

/** The text with the members declared behind those that their places name, or undefined. */
export function moveMembers(
  text: string,
  type: string,
  placements: readonly Placement[],
): string | undefined {
  let moved: string | undefined = text;
  for (const placement of placements) {
    if (moved === undefined) return undefined;
    moved = moveMember(moved, type, placement);
  }
  return moved;
}

/** The text with declarations that it no longer has and the text before has, each behind the one that it follows there; or undefined. */
export function restoreMembers(
  before: string,
  after: string,
  type: string,
  names: readonly string[],
): string | undefined {
  const old = blankOut(before);
  const declarations = readDeclarations(old, type);
  const gone = declarations.filter((each) =>
    names.some((name) => findDeclaration(declarations, name) === each),
  );
  if (names.some((name) => findDeclaration(declarations, name) === undefined)) return undefined;
  let text = after;
  for (const declaration of gone) {
    const own = wholeLines(before, old, declaration);
    const previous = declarations[declarations.indexOf(declaration) - 1];
    const code = blankOut(text);
    const here = readDeclarations(code, type).filter(
      (each) => previous !== undefined && isSameCode(each, previous),
    );
    const [place] = here;
    if (own === undefined || place === undefined || here.length > 1 || declaresSeveral(declaration))
      return undefined;
    const to = wholeLines(text, code, { ...place, start: place.end });
    if (to === undefined) return undefined;
    text = text.slice(0, to.end) + before.slice(own.start, own.end) + text.slice(to.end);
  }
  return text;
}

function declaresSeveral({ code }: Declaration): boolean {
  return !code.includes('{') && code.replace(/\([^()]*\)/g, '').includes(',');
}

function isSameCode(a: Declaration, b: Declaration): boolean {
  return a.code.replace(/\s+/g, ' ') === b.code.replace(/\s+/g, ' ');
}

interface Declaration {
  readonly start: number;
  /** Behind the semicolon. */
  readonly end: number;
  readonly code: string;
}

function moveMember(text: string, type: string, { name, behind }: Placement): string | undefined {
  const code = blankOut(text);
  const declarations = readDeclarations(code, type);
  const own = findDeclaration(declarations, name);
  const previous = findDeclaration(declarations, behind.split('.')[0] ?? behind);
  if (own === undefined || previous === undefined || own === previous || own.code.includes('{'))
    return undefined;
  if (declaresSeveral(own)) return undefined;
  const from = wholeLines(text, code, own);
  const to = wholeLines(text, code, { ...previous, start: previous.end });
  if (from === undefined || to === undefined) return undefined;
  const lines = text.slice(from.start, from.end);
  return to.end <= from.start
    ? text.slice(0, to.end) + lines + text.slice(to.end, from.start) + text.slice(from.end)
    : text.slice(0, from.start) + text.slice(from.end, to.end) + lines + text.slice(to.end);
}

/** The lines of a declaration that hold nothing else but a comment. */
function wholeLines(
  text: string,
  code: string,
  { start, end }: Pick<Declaration, 'start' | 'end'>,
): { readonly start: number; readonly end: number } | undefined {
  const lineStart = code.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = code.indexOf('\n', end);
  if (lineEnd < 0) return undefined;
  const around = start === end ? '' : code.slice(lineStart, start);
  if (/\S/.test(around) || /\S/.test(code.slice(end, lineEnd))) return undefined;
  // A comment that goes on to the next line belongs to both.
  const rest = text.slice(end, lineEnd);
  return (rest.match(/\/\*/g) ?? []).length === (rest.match(/\*\//g) ?? []).length
    ? { start: lineStart, end: lineEnd + 1 }
    : undefined;
}

/** Declarations at the top level of the only definition of the tag; empty when there is none, or several. */
function readDeclarations(code: string, type: string): readonly Declaration[] {
  const [keyword = '', tag = ''] = type.split(' ');
  const heads = [...code.matchAll(new RegExp(`\\b${keyword}\\s+${tag}\\b[^;{}()=,*]*\\{`, 'g'))];
  const [head] = heads;
  if (head === undefined || heads.length > 1) return [];
  const declarations: Declaration[] = [];
  let depth = 0;
  let start = head.index + head[0].length;
  for (let at = start; at < code.length; at++) {
    const character = code[at];
    if (character === '{' || character === '(') depth++;
    else if ((character === '}' || character === ')') && --depth < 0) break;
    else if (character === ';' && depth === 0) {
      const first = start + code.slice(start, at).search(/\S|$/);
      declarations.push({ start: first, end: at + 1, code: code.slice(first, at) });
      start = at + 1;
    }
  }
  return declarations;
}

/** The one that declares the name; undefined when several could. */
function findDeclaration(declarations: readonly Declaration[], name: string): Declaration | undefined {
  const mentions = declarations.filter(({ code }) => new RegExp(`\\b${name}\\b`).test(code));
  if (mentions.length < 2) return mentions[0];
  const declarator = new RegExp(
    `\\b${name}\\s*(?:\\[[^\\]]*\\]\\s*)*(?::\\s*\\w+\\s*)?(?:_\\w+\\s*(?:\\([^()]*\\)\\s*)?)*$|\\(\\s*\\*\\s*${name}\\s*\\)`,
  );
  const declaring = mentions.filter(({ code }) => declarator.test(code.trim()));
  return declaring.length === 1 ? declaring[0] : undefined;
}

/** Comments, strings and directives as blanks, everything else in its place. */
function blankOut(text: string): string {
  const blank = (match: string) => match.replace(/[^\n]/g, ' ');
  return text
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, blank)
    .replace(/^[ \t]*#(?:\\\n|.)*/gm, blank);
}
