// Where text says that objects of a type, or pointers to them, live beyond a call: structs that hold one, variables, members.

import { closing, type FunctionBody } from './function-body.js';

/** Structs and unions that hold one, not a pointer. */
export function findContainers(code: string, spelled: string): readonly string[] {
  const containers: string[] = [];
  for (const match of code.matchAll(/\b(struct|union)\s+(\w+)[^;{}()=,*]*\{/g)) {
    const start = match.index + match[0].length;
    const body = code.slice(start, closing(code, start, '{', '}'));
    if (new RegExp(`${spelled}\\s+[^*;(]*[;,\\[]`).test(body)) containers.push(`${match[1]} ${match[2]}`);
  }
  if (new RegExp(`\\btypedef\\b[^;(){}*]*${spelled}\\s+\\w+\\s*;`).test(code)) containers.push('a typedef');
  return containers;
}

/** A variable that lives longer than a call. */
export interface Variable {
  readonly name: string;
  /** Nobody writes to it once it is compiled. */
  readonly constant: boolean;
}

export function findVariables(
  code: string,
  spelled: string,
  bodies: readonly FunctionBody[],
): readonly Variable[] {
  const variables: Variable[] = [];
  // Not a function that returns one.
  for (const match of code.matchAll(
    new RegExp(`${spelled}\\s+((?:__\\w+\\s+|const\\s+)*)(\\w+)\\b(?!\\s*\\()`, 'g'),
  )) {
    const before = textBefore(code, match.index);
    if (!livesOn(code, match.index, before, bodies)) continue;
    const constant = /\bconst\b/.test(`${before} ${match[1]}`) && !/__ro_after_init|__initconst/.test(before);
    variables.push({ name: match[2] ?? '', constant });
  }
  for (const match of code.matchAll(
    new RegExp(`\\b(?:DEFINE|DECLARE)_\\w+\\s*\\(\\s*${spelled}\\s*,\\s*(\\w+)`, 'g'),
  ))
    variables.push({ name: match[1] ?? '', constant: false });
  return variables;
}

/** Members and variables that hold a pointer to one beyond a call. */
export function findHolders(
  code: string,
  spelled: string,
  bodies: readonly FunctionBody[],
): readonly string[] {
  const pointer = new RegExp(
    `${spelled}\\s*(?:(?:const|__\\w+)\\s*)*\\*[*\\s]*(?:(?:const|__\\w+)\\s+)*(\\w+)\\b(?!\\s*\\()`,
    'g',
  );
  return [...code.matchAll(pointer)].flatMap((match) => {
    const before = textBefore(code, match.index);
    const local = bodies.some(({ start, end }) => start <= match.index && match.index < end);
    const isMember =
      !local && isInRecord(code, match.index, bodies) && !isParameter(code, match.index, before);
    return isMember || livesOn(code, match.index, before, bodies) ? [match[1] ?? ''] : [];
  });
}

function textBefore(code: string, at: number): string {
  return /[^;{}()]*$/.exec(code.slice(Math.max(0, at - 200), at))?.[0] ?? '';
}

function isParameter(code: string, at: number, before: string): boolean {
  return code[at - before.length - 1] === '(';
}

function livesOn(code: string, at: number, before: string, bodies: readonly FunctionBody[]): boolean {
  const local = bodies.some(({ start, end }) => start <= at && at < end);
  if (/\bextern\b/.test(before) || (local && !/\bstatic\b/.test(before))) return false;
  return local || !(isParameter(code, at, before) || isInRecord(code, at, bodies));
}

/** Whether the name is declared in this function as a pointer to another struct: what happens to it there is not about this type. */
export function isAnothers(body: string, name: string, spelled: string): boolean {
  const mine = new RegExp(`${spelled}[^;(){}]{0,200}\\*\\s*${name}\\b`);
  const other = new RegExp(
    `\\b(?:struct|union)\\s+\\w+\\s*(?:\\*[^;(){}]*,\\s*)?\\*+\\s*(?:const\\s+)?${name}\\s*[=;,)[]`,
  );
  return !mine.test(body) && other.test(body);
}

/** Inside braces that are no function's: a member. */
function isInRecord(code: string, index: number, bodies: readonly FunctionBody[]): boolean {
  const last = bodies.findLast(({ end }) => end <= index);
  const from = last === undefined ? 0 : last.end + '\n}'.length;
  let depth = 0;
  for (let at = from; at < index; at++) {
    if (code[at] === '{') depth++;
    else if (code[at] === '}') depth--;
  }
  return depth > 0;
}
