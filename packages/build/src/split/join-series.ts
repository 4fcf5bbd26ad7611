// Patches of a series that do not stand alone, joined with those of the series that they need. A series has an order and somebody meant it, so
// less is to be found out than of a release: a patch that does not apply needs earlier ones of the same files, the nearest first; one that does
// not compile needs a patch that writes a name which the compiler misses. One step at a time: what is joined is judged as a unit of its own,
// and joined again when it still lacks something, so nothing has to be remembered between two runs but the answers.
//
// Rejected: every patch together with all before it. A range of a stable branch has hundreds, and one that is refused would take all others with it.

import { InputError } from '@resplice/report';
import { complaintOf } from '../evaluate/complaint-of.js';
import type { UnitReason } from '../evaluate/evaluation.js';
import type { PatchFile } from '../patch/patch-model.js';
import { applyPatches, type SourceReader } from '../patch/patch-stack.js';
import { listIdentifiers } from './c-outline.js';

/** A unit of the series that was refused, perhaps because it lacks another one. */
export interface IncompleteUnit {
  /** Positions in the series of what it is made of. */
  readonly parts: readonly number[];
  readonly reasons: readonly UnitReason[];
}

/**
 * Sets of positions, in the order of the series, that are to be tried as one; none for a unit that nothing in the series helps.
 * @param together sets that are one unit already: who needs a part of one gets all of it
 */
export async function joinSeries(
  series: readonly PatchFile[],
  incomplete: readonly IncompleteUnit[],
  source: SourceReader,
  together: readonly (readonly number[])[] = [],
): Promise<readonly (readonly number[])[]> {
  const grown: ReadonlySet<number>[] = [];
  for (const unit of incomplete) {
    const set = await grow(series, unit, source);
    if (set !== undefined && set.size > unit.parts.length) grown.push(set);
  }
  return uniteOverlapping([...grown, ...together.map((set) => new Set(set))])
    .filter((set) => grown.some((each) => [...each].every((at) => set.has(at))))
    .map((set) => [...set].sort((a, b) => a - b));
}

async function grow(
  series: readonly PatchFile[],
  { parts, reasons }: IncompleteUnit,
  source: SourceReader,
): Promise<ReadonlySet<number> | undefined> {
  const files = parts.flatMap((at) => listFiles(series[at]));
  const complaint = complaintOf({ reasons, files });
  if (complaint === undefined) return undefined;
  const wanted = new Set(parts);
  const names = complaint.names.map(({ name }) => name);
  const missed = names.length > 0 ? names : [...complaint.words];
  const helper = findWriter(series, wanted, new Set(missed));
  if (helper !== undefined) wanted.add(helper);
  return completeBelow(series, wanted, source);
}

/** The nearest patch, rather an earlier one, that adds one of the names. */
function findWriter(
  series: readonly PatchFile[],
  wanted: ReadonlySet<number>,
  names: ReadonlySet<string>,
): number | undefined {
  const last = Math.max(...wanted);
  const writes = (at: number): boolean => {
    const files = listFiles(series[at]);
    const isFileOf = [...names].some(
      (name) => name.includes('.') && files.some((file) => file.endsWith(`/${name}`)),
    );
    return !wanted.has(at) && (isFileOf || listAdded(series[at]).some((each) => names.has(each)));
  };
  const earlier = series.map((_, at) => at).filter((at) => at < last && writes(at));
  return earlier.at(-1) ?? series.map((_, at) => at).find((at) => at > last && writes(at));
}

/** With the earlier patches without which they do not apply; undefined when no patch of the series makes them. */
async function completeBelow(
  series: readonly PatchFile[],
  wanted: ReadonlySet<number>,
  source: SourceReader,
): Promise<ReadonlySet<number> | undefined> {
  const set = new Set(wanted);
  for (;;) {
    const stuck = await findStuck(series, set, source);
    if (stuck === undefined) break;
    const below = findBelow(series, set, stuck);
    if (below === undefined) return undefined;
    set.add(below);
  }
  // The nearest patch of a file need not be the one that was missing.
  for (const at of [...set].filter((each) => !wanted.has(each))) {
    set.delete(at);
    if ((await findStuck(series, set, source)) !== undefined) set.add(at);
  }
  return set;
}

/** The first that does not apply on top of those before it. */
async function findStuck(
  series: readonly PatchFile[],
  set: ReadonlySet<number>,
  source: SourceReader,
): Promise<number | undefined> {
  const order = [...set].sort((a, b) => a - b);
  for (const [index, at] of order.entries()) {
    const stack = order.slice(0, index + 1).flatMap((each) => series[each] ?? []);
    try {
      await applyPatches(stack, source);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return at;
    }
  }
  return undefined;
}

function findBelow(
  series: readonly PatchFile[],
  set: ReadonlySet<number>,
  stuck: number,
): number | undefined {
  const files = new Set(listFiles(series[stuck]));
  for (let at = stuck - 1; at >= 0; at -= 1)
    if (!set.has(at) && listFiles(series[at]).some((file) => files.has(file))) return at;
  return undefined;
}

function listFiles(patch: PatchFile | undefined): readonly string[] {
  return (patch?.files ?? [])
    .flatMap(({ oldPath, newPath }) => [oldPath, newPath])
    .flatMap((path) => path ?? []);
}

function listAdded(patch: PatchFile | undefined): readonly string[] {
  const lines = (patch?.files ?? []).flatMap(({ hunks }) => hunks.flatMap((hunk) => hunk.lines));
  return lines.filter(({ kind }) => kind === '+').flatMap(({ text }) => [...listIdentifiers(text)]);
}

function uniteOverlapping(sets: readonly ReadonlySet<number>[]): readonly ReadonlySet<number>[] {
  let united: ReadonlySet<number>[] = [];
  for (const set of sets) {
    const [touching, apart] = [
      united.filter((each) => [...each].some((at) => set.has(at))),
      united.filter((each) => ![...each].some((at) => set.has(at))),
    ];
    united = [...apart, new Set([set, ...touching].flatMap((each) => [...each]))];
  }
  return united;
}
