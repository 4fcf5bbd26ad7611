// Several units of one kernel as one update, made from the shipped source, so that it takes the place of whatever came before.

import { parsePatches } from '@resplice/build';
import { type CandidateRecord, hashOf, kernelSpec } from '@resplice/server/factory';
import type { JobContext } from '../job-context.js';
import { type ReadUnit, readUnit } from './convert.js';
import { type MadeUpdate, makeUpdate } from './make-update.js';

export interface CombinedUnit {
  readonly candidate: CandidateRecord;
  readonly unit: ReadUnit;
}

/** Candidates with their units, in one order whoever asks; what is a part of another one is left out. */
export async function readCombined(
  context: JobContext,
  candidates: readonly CandidateRecord[],
): Promise<readonly CombinedUnit[]> {
  const all: CombinedUnit[] = [];
  for (const candidate of candidates) all.push({ candidate, unit: await readUnit(context, candidate) });
  const parts = new Set(all.flatMap(({ unit }) => unit.joined));
  const seen = new Set<string>();
  return all
    .toSorted((a, b) => (a.unit.name < b.unit.name ? -1 : 1))
    .filter(({ unit: { name } }) => {
      // The same change may have come with two releases.
      if (parts.has(name) || seen.has(name)) return false;
      seen.add(name);
      return true;
    });
}

/** The patches of all units, then the code that people wrote for them. */
export async function combine(
  context: JobContext,
  units: readonly CombinedUnit[],
  about: { readonly id?: string; readonly description: string },
): Promise<MadeUpdate> {
  const [first] = units;
  if (first === undefined) throw new Error('there is nothing to combine');
  return makeUpdate(context, {
    kernel: kernelSpec(first.candidate),
    patches: units.flatMap(({ unit }) => unit.patches),
    customCode: units.flatMap(({ candidate: { customCode }, unit }) =>
      customCode === null ? [] : parsePatches(customCode, `${unit.name}-code.patch`),
    ),
    cves: [...new Set(units.flatMap(({ unit }) => unit.cves))].sort(),
    ...about,
  });
}

/** `cum_6_1_0_47_amd64_3f2a_12`: an id has 40 characters at most, and a release may be built twice. */
export function cumulativeId(kernel: string, number: number): string {
  const [release = ''] = kernel.split('=');
  const name = release
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, 26);
  return `cum_${name}_${hashOf(kernel).slice(0, 4)}_${number}`;
}
