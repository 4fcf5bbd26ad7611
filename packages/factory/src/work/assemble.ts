// The largest cumulative update that its units make: combined, and tried in a guest in the place of the one before. When that fails, the culprit
// is found by halves (hold-together.ts). What machines have already comes first, then the most urgent.

import type { Update } from '@resplice/update';
import { applyInGuest } from '../guest/guest-trial.js';
import type { JobContext } from '../job-context.js';
import { type CombinedUnit, combine, cumulativeId } from './combine.js';
import { type Attempt, type HeldTogether, holdTogether } from './hold-together.js';
import { listReasons, readUpdateArtefact } from './make-update.js';
import { type CumulativeRow, readCumulative } from './published.js';

interface Place {
  readonly number: number;
  readonly previous: CumulativeRow | undefined;
}

export async function assemble(
  context: JobContext,
  units: readonly CombinedUnit[],
  place: Place,
): Promise<HeldTogether<CombinedUnit, Update>> {
  const held = await holdTogether(inOrderOfTrust(units), async (some) => {
    const result = await attempt(context, some, place);
    const what = some.length === 1 ? some[0]?.unit.name : `${some.length} of ${units.length} units`;
    if (!result.ok) context.note(`${what}: ${result.problem}`);
    return result;
  });
  for (const { unit, problem } of held.leftOut) context.note(`left out: ${unit.unit.name}: ${problem}`);
  return held;
}

/** What is published has stood beside the rest of it already; a unit that is new has not. */
function inOrderOfTrust(units: readonly CombinedUnit[]): readonly CombinedUnit[] {
  const rank = ({ candidate: { state, priority } }: CombinedUnit) =>
    (state === 'published' ? 1_000_000 : 0) + priority;
  return units.toSorted((a, b) => rank(b) - rank(a));
}

async function attempt(
  context: JobContext,
  some: readonly CombinedUnit[],
  { number, previous }: Place,
): Promise<Attempt<Update>> {
  const units = some.toSorted((a, b) => (a.unit.name < b.unit.name ? -1 : 1));
  const made = await build(context, units, number);
  if (!made.ok) return made;
  let verdict = await tryInstead(context, made.made, previous);
  // A guest can fail for reasons of its own. That costs attempts, but must not cost a unit.
  if (verdict.problem !== null && units.length === 1)
    verdict = await tryInstead(context, made.made, previous);
  return verdict.problem === null ? made : { ok: false, problem: verdict.problem };
}

async function build(
  context: JobContext,
  units: readonly CombinedUnit[],
  number: number,
): Promise<Attempt<Update>> {
  const { job } = context;
  const [release = ''] = job.target.split('=');
  const fixes = new Set(units.flatMap(({ unit }) => unit.cves)).size;
  const description = `cumulative update ${number} of ${release}: ${units.length} fixes, ${fixes} CVEs`;
  const made = await combine(context, units, { id: cumulativeId(job.target, number), description });
  if (made.update === null)
    return { ok: false, problem: `the units cannot be one update:\n${listReasons(made)}` };
  const update = await readUpdateArtefact(context, made.update.sha256);
  const contains = units.flatMap(({ candidate }) => candidate.updateId ?? []).sort();
  return {
    ok: true,
    made: { ...update, manifest: { ...update.manifest, cumulative: { number, contains } } },
  };
}

/** As on a machine that has the one before. */
async function tryInstead(context: JobContext, update: Update, previous: CumulativeRow | undefined) {
  const { kernel } = await context.openWorkshop(context.job.target);
  const below = await readCumulative(context, previous);
  const trial = { id: update.manifest.id, update, replaces: below.length > 0 };
  const verdict = await applyInGuest(trial, kernel, { ...context, below });
  context.note(verdict.problem ?? `${trial.id}: applied and undone, clean log`);
  return verdict;
}
