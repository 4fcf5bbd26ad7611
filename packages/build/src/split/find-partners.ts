// Which other units one needs, by what a compiler says about it alone. Rules on names (tie-atoms.ts) are right for nine of ten; this is the
// net below them. A name that is missing comes from the nearest unit that adds, removes or re-signs it; a name that the unit itself
// changes has users in the unit that changes the file gcc complains about. When gcc names nothing, the lines that it shows count, then
// whatever else changes in that file.

import { dirname } from 'node:path/posix';
import type { Atom } from './atom.js';
import { isWord } from './c-outline.js';
import type { Complaint, MissingName } from './complaint.js';
import { isNear, isSameBuild } from './nearness.js';
import type { DraftUnit } from './unit.js';

/** `dev_` and `_get` are parts of thousands of names. */
const SHORTEST_PIECE = 5;

/** Indices of the units that unit `index` has to be joined with; none when nothing of the release fits. */
export function findPartners(
  units: readonly DraftUnit[],
  index: number,
  complaint: Complaint,
): ReadonlySet<number> {
  const own = units[index]?.atoms ?? [];
  const others = [...units.keys()].filter((other) => other !== index);
  const partners = new Set<number>();
  const add = (found: readonly number[]) => {
    for (const other of found) partners.add(other);
  };
  for (const missing of complaint.names) add(findByName(units, others, own, missing, complaint.files));
  if (partners.size > 0) return partners;
  for (const word of complaint.words) {
    if (isWord(word)) continue;
    const changers = others.filter((other) =>
      units[other]?.atoms.some((atom) => changes(atom, word) && isReachable(atom, own, complaint.files)),
    );
    add(nearest(units, changers, own, (atom) => changes(atom, word)));
  }
  if (partners.size > 0) return partners;
  const failing = new Set(complaint.files);
  add(others.filter((other) => units[other]?.atoms.some(({ path }) => failing.has(path))));
  return partners;
}

function findByName(
  units: readonly DraftUnit[],
  others: readonly number[],
  own: readonly Atom[],
  { kind, name, tag }: MissingName,
  failing: readonly string[],
): readonly number[] {
  const having = (fits: (atom: Atom) => boolean) => others.filter((other) => units[other]?.atoms.some(fits));
  if (kind === 'file')
    return having((atom) => atom.file.kind === 'create' && `/${atom.path}`.endsWith(`/${name}`));
  const owners = having((atom) => changes(atom, name) && isReachable(atom, own, failing));
  const ofTag =
    tag === undefined
      ? []
      : owners.filter((other) =>
          units[other]?.atoms.some((atom) => changes(atom, name) && atom.definitions.has(tag)),
        );
  const found =
    owners.length === 0
      ? findMakers(units, others, own, name, failing)
      : nearest(units, ofTag.length > 0 ? ofTag : owners, own, (atom) => changes(atom, name));
  if (!own.some((atom) => changes(atom, name))) return found;
  // The unit itself takes the name away or gives it another meaning: who still uses it is in the file that does not compile.
  const users = having((atom) => failing.includes(atom.path) && mentions(atom, name));
  return [...users, ...(users.length > 0 ? [] : found)];
}

/**
 * Of a name that is nowhere as a whole, whoever begins to write the longest part of it: a macro makes dev_ready_to_probe() of
 * `__create_dev_flag_accessors(ready_to_probe, …)`.
 */
function findMakers(
  units: readonly DraftUnit[],
  others: readonly number[],
  own: readonly Atom[],
  name: string,
  failing: readonly string[],
): readonly number[] {
  const pieceOf = (atom: Atom): number => {
    if (!isReachable(atom, own, failing)) return 0;
    const pieces = [...atom.balance].flatMap(([word, more]) =>
      more > 0 && (name.endsWith(`_${word}`) || name.startsWith(`${word}_`)) ? [word.length] : [],
    );
    return Math.max(0, ...pieces);
  };
  const sized = others.map((other) => ({
    other,
    size: Math.max(0, ...(units[other]?.atoms ?? []).map(pieceOf)),
  }));
  const longest = Math.max(0, ...sized.map(({ size }) => size));
  if (longest < SHORTEST_PIECE) return [];
  const makers = sized.flatMap(({ other, size }) => (size === longest ? [other] : []));
  return nearest(units, makers, own, (atom) => pieceOf(atom) === longest);
}

function changes(atom: Atom, name: string): boolean {
  return atom.added.has(name) || atom.removed.has(name) || atom.resigned.has(name);
}

function mentions(atom: Atom, name: string): boolean {
  return (atom.balance.get(name) ?? 0) !== 0 || atom.mentions.has(name) || changes(atom, name);
}

/** What only one source can see does not help the compiler of another; a linker that names no file finds it anywhere. */
function isReachable(atom: Atom, own: readonly Atom[], failing: readonly string[]): boolean {
  const paths = [...own.map(({ path }) => path), ...failing];
  if (!paths.some((path) => isSameBuild(atom.path, path))) return false;
  return (
    atom.path.endsWith('.h') ||
    paths.includes(atom.path) ||
    (failing.length === 0 && /\.[cS]$/.test(atom.path))
  );
}

/** The one whose fitting atoms have the smallest distance; the first of several. */
function nearest(
  units: readonly DraftUnit[],
  candidates: readonly number[],
  own: readonly Atom[],
  fits: (atom: Atom) => boolean,
): readonly number[] {
  const scored = candidates.map((candidate) => {
    const atoms = (units[candidate]?.atoms ?? []).filter(fits);
    const distances = atoms.flatMap(({ path }) => own.map((mine) => distanceOf(path, mine.path)));
    return { candidate, distance: Math.min(...distances) };
  });
  scored.sort((a, b) => a.distance - b.distance || a.candidate - b.candidate);
  return scored.slice(0, 1).map(({ candidate }) => candidate);
}

/** The same file, a header beside or of that name, a header for all, any header, another source. */
function distanceOf(path: string, mine: string): number {
  if (path === mine) return 0;
  if (!path.endsWith('.h')) return dirname(path) === dirname(mine) ? 4 : 5;
  if (isNear(path, mine)) return 1;
  return path.startsWith('include/') ? 2 : 3;
}
