// Code that depends on the order of a struct's members: initialisers without names, and ranges of bytes from one member to another. A member is
// moved only where no such code can tell.

import type { Placement } from './member-place.js';

/**
 * Whether the code has a value of the type that may be given by order: `= { 1 }`, `= { { .a = 1 } }`, `= SOME_INIT(x)`.
 * @param code without comments
 * @param spelled the type as a regular expression
 */
export function hasOrderedValues(code: string, spelled: string): boolean {
  const initial = '\\{(?!\\s*0?\\s*\\})(?:\\s|#[^\\n]*\\n)*[^.}\\s#]';
  return [
    `\\b${spelled}\\s+\\w+[^;{}]{0,300}?=\\s*(?:${initial}|[A-Z_][A-Z0-9_]+\\b)`,
    `\\(\\s*(?:const\\s+)?${spelled}\\s*(?:\\[\\s*\\])?\\s*\\)\\s*${initial}`,
  ].some((pattern) => new RegExp(pattern).test(code));
}

/** Members at which a range of bytes begins or ends: `size - offsetof(struct task_struct, thread)`. */
export function listRangeBounds(code: string, spelled: string): readonly string[] {
  const offset = `offsetof(?:end)?\\s*\\(\\s*${spelled}\\s*,\\s*(\\w+)[^)]*\\)`;
  const bounds = [...code.matchAll(new RegExp(`${offset}\\s*-|-\\s*${offset}`, 'g'))].map(
    ([, before, after]) => before ?? after ?? '',
  );
  for (const [, name, member = ''] of code.matchAll(
    /\bmemset_(?:after|startat)\s*\(\s*(\w+)\s*,[^,;]*,\s*(\w+)/g,
  ))
    if (new RegExp(`\\b${spelled}\\s*\\*\\s*${name}\\b`).test(code)) bounds.push(member);
  return bounds;
}

/** Whether a member would be moved over the bound of a range. */
export function crossesBound(
  body: string,
  placements: readonly Placement[],
  bounds: readonly string[],
): boolean {
  const places = (name: string) =>
    [...body.matchAll(new RegExp(`\\b${name.split('.')[0]}\\b`, 'g'))].map(({ index }) => index);
  return placements.some(({ name, behind }) => {
    const ends = [...places(name), ...places(behind)];
    const [from, to] = [Math.min(...ends), Math.max(...ends)];
    return bounds.some((bound) => places(bound).some((at) => from <= at && at <= to));
  });
}
