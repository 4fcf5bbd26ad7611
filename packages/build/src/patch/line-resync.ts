// Keeps the line numbers of unchanged code. A line added or removed moves `__LINE__` of everything behind it, and
// WARN_ON, BUG_ON, lockdep keys, initcall names and dynamic debug carry __LINE__ into code and data: functions that the
// patch does not touch would compile to other bytes and be replaced for nothing. So `#line N` is put behind a change,
// at the first line where a directive is safe (line-lexer.ts), with the number that line has in the original.
//
// `#line N` without a file name leaves __FILE__ alone. Working instead on the compiled code (to forgive differing
// immediates that look like line numbers) was rejected: that is a guess about bytes, this is the compiler's own knowledge.
// The map from lines after to lines before comes from applying the patch (`origins`), not from comparing two texts, so it
// is right for several patches on top of each other.
//
// Assembly (.S) is left alone: what depends on lines there is rare, and `#` has several meanings.

import { ConditionalStates } from './conditional-states.js';
import { LineLexer } from './line-lexer.js';
import { splitLines } from './patch-line.js';
import type { PatchedContent } from './patch-stack.js';
import { sourceText } from './source-text.js';

/** Whether the compiler reads this file as C. */
export function isResyncable(path: string): boolean {
  return /\.[ch]$/.test(path);
}

/** The text to compile for a patched file: with its line numbers kept if it is C; null when the patch removes it. */
export function compilableText(path: string, content: PatchedContent): Uint8Array | null {
  if (content.after === null || !isResyncable(path)) return content.after;
  return resyncLines(content.after, content.origins);
}

/**
 * Inserts `#line` directives so that unchanged lines keep their numbers.
 * @param after the text with the change
 * @param origins for each line of `after` its line in the original, from 1, growing; null: added
 */
export function resyncLines(after: Uint8Array, origins: readonly (number | null)[]): Uint8Array {
  const lines = splitLines(sourceText(after));
  // Generated sources with their own #line name other files; nothing there can be kept.
  if (lines.some((line) => /^\s*#\s*(line\b|\d)/.test(line))) return after;
  const lexer = new LineLexer();
  // The compiler's number of a line less its place in `result`; several when a branch decides. Counting places in the
  // result matters: where a branch is not compiled, a directive in it sets nothing but is still one line more.
  const shifts = new ConditionalStates(0);
  const result: string[] = [];
  for (const [index, line] of lines.entries()) {
    const origin = origins[index] ?? null;
    const isOff = origin !== null && isOther(shifts, origin - (result.length + 1));
    if (isOff && lexer.isSafeBefore(line)) {
      result.push(`#line ${origin}\n`);
      shifts.replace(new Set([origin - (result.length + 1)]));
    }
    result.push(line);
    const conditional = lexer.read(line);
    if (conditional !== undefined) shifts.cross(conditional);
  }
  return Buffer.from(result.join(''), 'latin1');
}

function isOther(shifts: ConditionalStates, wanted: number): boolean {
  for (const shift of shifts.current) if (shift !== wanted) return true;
  return false;
}
