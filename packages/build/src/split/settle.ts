// Joins units until each compiles alone, as far as the release lets it. A round asks about every unit that is new, and joins only when all
// have answered: so the result does not depend on which compiler was quicker, and a run that was interrupted comes to the same units.
// Rejected: joining as answers come (the order would show in the ids), and compiling pairs to see who helps (a release has 1,700 units).

import type { Complaint } from './complaint.js';
import { DisjointSets } from './disjoint-sets.js';
import { findPartners } from './find-partners.js';
import { type DraftUnit, joinUnits } from './unit.js';

/** Each round that joins anything makes larger units; a chain this long would be a fault of the rules. */
const MAX_ROUNDS = 8;

/** Answers for each unit that does not stand alone, by its id, with what is missing. */
export type StandAlone = (
  units: readonly DraftUnit[],
  round: number,
) => Promise<ReadonlyMap<string, Complaint>>;

/**
 * The chosen units, joined with whatever they need of all units.
 * @param all units of the whole release
 * @param isChosen only these, and what is joined with them, are asked about and returned
 */
export async function settleUnits(
  all: readonly DraftUnit[],
  isChosen: (unit: DraftUnit) => boolean,
  ask: StandAlone,
): Promise<readonly DraftUnit[]> {
  let units = all;
  let chosen = new Set(all.filter(isChosen));
  let open = [...chosen];
  for (let round = 1; open.length > 0; round++) {
    const complaints = await ask(open, round);
    if (round === MAX_ROUNDS) break;
    const sets = new DisjointSets(units.length);
    for (const [index, { unit }] of units.entries()) {
      const complaint = complaints.get(unit.id);
      if (complaint === undefined) continue;
      for (const partner of findPartners(units, index, complaint)) sets.join(index, partner);
    }
    open = [];
    const next: DraftUnit[] = [];
    const nextChosen = new Set<DraftUnit>();
    for (const indices of sets.list()) {
      const parts = indices.flatMap((index) => units[index] ?? []);
      const [only] = parts;
      const joined = parts.length === 1 && only !== undefined ? only : joinUnits(parts);
      next.push(joined);
      if (!parts.some((part) => chosen.has(part))) continue;
      nextChosen.add(joined);
      if (parts.length > 1) open.push(joined);
    }
    units = next;
    chosen = nextChosen;
  }
  return units.filter((unit) => chosen.has(unit));
}
