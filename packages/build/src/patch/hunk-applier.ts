// Puts hunks into lines of text. Each line carries where it came from, because after several patches on top of each
// other that is the only way to know which line of the result is which line of the original (line-resync.ts).
//
// The place of a hunk is where all its old lines are, byte for byte: no fuzz, ever, for a change to a running kernel.
// It is looked for where the header says, moved by as much as the hunk before it; else in the rest of the file. Where
// patch(1) and git take the nearest of several places, here the function named behind `@@` must single one out:
// `}\n\n\treturn ret;` stands in many functions of net/core/sock.c, and the nearest may be the wrong one.

import type { Hunk } from './patch-model.js';

export interface SourceLine {
  readonly text: string;
  /** 1-based line in the file before all patches; null: added. */
  readonly origin: number | null;
}

export interface HunkFailure {
  readonly hunk: Hunk;
  /** Position of the hunk among those of its file, from 1. */
  readonly number: number;
  readonly kind: 'missing' | 'ambiguous' | 'already-applied';
  /** What was expected and found, for people. */
  readonly evidence: readonly string[];
}

export interface HunksApplied {
  readonly lines: readonly SourceLine[];
  /** Hunks found at another line than their header says; `offset` in lines. */
  readonly moves: readonly { readonly hunk: number; readonly offset: number }[];
  readonly failures: readonly HunkFailure[];
}

/**
 * What is done when a hunk fits several places: nothing, for a patch that someone wrote for some kernel; or what patch(1) does, for a
 * series that its distribution applied that way to this very source.
 */
export type PlaceChoice = 'only' | 'nearest';

/** Applies all hunks of one file; when `failures` is not empty, `lines` must not be used. */
export function applyHunks(
  before: readonly SourceLine[],
  hunks: readonly Hunk[],
  choice: PlaceChoice = 'only',
): HunksApplied {
  const lines: SourceLine[] = [];
  const moves: { hunk: number; offset: number }[] = [];
  const failures: HunkFailure[] = [];
  let done = 0;
  let offset = 0;
  for (const [index, hunk] of hunks.entries()) {
    const expected = Math.max(hunk.oldStart - 1, 0);
    const place = findPlace(before, hunk, done, expected + offset, choice);
    if (typeof place !== 'number') {
      failures.push({ hunk, number: index + 1, ...place });
      continue;
    }
    lines.push(...before.slice(done, place), ...replaceLines(before, hunk, place));
    done = place + hunk.oldCount;
    offset = place - expected;
    if (offset !== 0) moves.push({ hunk: index + 1, offset });
  }
  lines.push(...before.slice(done));
  return { lines, moves, failures };
}

function replaceLines(before: readonly SourceLine[], hunk: Hunk, place: number): SourceLine[] {
  const result: SourceLine[] = [];
  let at = place;
  for (const { kind, text } of hunk.lines) {
    if (kind === '+') result.push({ text, origin: null });
    else {
      const kept = before[at];
      if (kind === ' ' && kept !== undefined) result.push(kept);
      at += 1;
    }
  }
  return result;
}

type Misplaced = Pick<HunkFailure, 'kind' | 'evidence'>;

function findPlace(
  lines: readonly SourceLine[],
  hunk: Hunk,
  from: number,
  expected: number,
  choice: PlaceChoice,
): number | Misplaced {
  const old = hunk.lines.filter((line) => line.kind !== '+').map((line) => line.text);
  const fits = (at: number) => isBlockAt(lines, old, at) && isAnchored(lines, hunk, at);
  if (expected >= from && fits(expected)) return expected;
  const places = findAll(lines.length - old.length, from, fits);
  const [only] = places;
  if (only !== undefined && places.length === 1) return only;
  const inFunction = places.filter((at) => isInSection(lines, at, hunk.section));
  const [named] = inFunction;
  if (named !== undefined && inFunction.length === 1) return named;
  if (choice === 'nearest' && only !== undefined)
    return places.reduce((a, b) => (Math.abs(b - expected) < Math.abs(a - expected) ? b : a));
  if (places.length > 1) return { kind: 'ambiguous', evidence: [listPlaces(places)] };
  const created = hunk.lines.filter((line) => line.kind !== '-').map((line) => line.text);
  const applied = findAll(lines.length - created.length, 0, (at) => isBlockAt(lines, created, at));
  const evidence = describeMismatch(lines, old, from, expected);
  return { kind: applied.length > 0 ? 'already-applied' : 'missing', evidence };
}

function findAll(last: number, from: number, fits: (at: number) => boolean): number[] {
  const places: number[] = [];
  for (let at = from; at <= last; at += 1) if (fits(at)) places.push(at);
  return places;
}

function isBlockAt(lines: readonly SourceLine[], block: readonly string[], at: number): boolean {
  return (
    at >= 0 && at + block.length <= lines.length && block.every((text, i) => lines[at + i]?.text === text)
  );
}

/** diff gives less context only at the beginning or end of the file, so there and nowhere else the hunk belongs. */
function isAnchored(lines: readonly SourceLine[], hunk: Hunk, at: number): boolean {
  const [leading, trailing] = [hunk.lines[0]?.kind === ' ', hunk.lines.at(-1)?.kind === ' '];
  if (!leading && !trailing) return hunk.oldCount > 0 || lines.length === 0;
  if (!leading && hunk.oldStart === 1) return at === 0;
  return trailing || at + hunk.oldCount === lines.length;
}

/** Whether the nearest line above that begins in the first column, as diff looks for it, is the hunk's. */
function isInSection(lines: readonly SourceLine[], at: number, section: string): boolean {
  if (section === '') return false;
  for (let above = at - 1; above >= 0; above -= 1) {
    const text = lines[above]?.text ?? '';
    if (/^[A-Za-z_$]/.test(text)) return text.trimEnd().startsWith(section.trimEnd());
  }
  return false;
}

function listPlaces(places: readonly number[]): string {
  const shown = places.slice(0, 8).map((at) => at + 1);
  return `its lines are found at lines ${shown.join(', ')}${places.length > shown.length ? ', …' : ''}`;
}

/** The place with the most equal lines is the one the author of the patch meant. */
function describeMismatch(
  lines: readonly SourceLine[],
  block: readonly string[],
  from: number,
  expected: number,
): string[] {
  let best = { at: Math.min(expected, lines.length), equal: 0 };
  for (let at = from; at < lines.length; at += 1) {
    const equal = block.filter((text, index) => lines[at + index]?.text === text).length;
    const nearer = Math.abs(at - expected) < Math.abs(best.at - expected);
    if (equal > best.equal || (equal === best.equal && equal > 0 && nearer)) best = { at, equal };
  }
  const evidence: string[] = [];
  for (const [index, text] of block.entries()) {
    const found = lines[best.at + index]?.text;
    if (found === text) continue;
    evidence.push(`line ${best.at + index + 1} expected: ${showLine(text)}`);
    evidence.push(`line ${best.at + index + 1} found:    ${showLine(found)}`);
    if (evidence.length >= 6) break;
  }
  if (evidence.length === 0)
    evidence.push('these lines are there, but not where the end or start of the file is');
  return evidence;
}

function showLine(text: string | undefined): string {
  if (text === undefined) return '(end of file)';
  return JSON.stringify(Buffer.from(text, 'latin1').toString('utf8').replace(/\n$/, ''));
}
