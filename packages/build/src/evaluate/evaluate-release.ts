// Every unit of a release through create: split, draw a sample if asked to, judge what no earlier run has judged, join what does not
// compile alone and judge that, add up. As many units at a time as there are processors: one unit mostly waits for one compiler.

import { InputError, silentProgress } from '@resplice/report';
import type { Update } from '@resplice/update';
import type { FetchedKernel } from '../debian/fetch-kernel.js';
import type { WorkOptions } from '../debian/store.js';
import type { PatchFile } from '../patch/patch-model.js';
import type { Complaint } from '../split/complaint.js';
import { MentioningFiles } from '../split/mentioning-files.js';
import { settleUnits } from '../split/settle.js';
import { draftSplit } from '../split/split-release.js';
import type { DraftUnit, ReleaseUnit } from '../split/unit.js';
import { keepSlots } from '../tree/slot.js';
import { checkUnit } from './check-unit.js';
import { complaintOf } from './complaint-of.js';
import { type Evaluation, summarize, type UnitResult } from './evaluation.js';
import { judgeAll, type Retry } from './judge-all.js';
import { judgeAlone } from './judge-unit.js';
import { identifyProgram } from './program-identity.js';
import { openReleaseKernel, type ReleaseRange } from './release-kernel.js';
import { ResultStore } from './result-store.js';
import { drawSample } from './sample.js';

export interface EvaluationRequest extends ReleaseRange {
  readonly sample?: { readonly size: number; readonly seed: number };
  /** Ids or paths; only units that match one of them. */
  readonly only?: readonly string[];
  readonly retry?: Retry;
  /** Unit id → patches with custom code for it. */
  readonly customCode?: ReadonlyMap<string, readonly PatchFile[]>;
  /** Applies updates in guests; those of units whose earlier result says so are not asked again. */
  readonly applyInGuests?: GuestTrial;
}

export type GuestTrial = (
  updates: readonly { readonly id: string; readonly update: Update }[],
  kernel: FetchedKernel,
  onResult: (
    id: string,
    result: { readonly applied: boolean; readonly problem: string | null },
  ) => Promise<void>,
) => Promise<void>;

/** Evaluates a release; an interrupted evaluation goes on where it was. */
export async function evaluateRelease(
  request: EvaluationRequest,
  options: WorkOptions = {},
): Promise<Evaluation> {
  const place = await openReleaseKernel(request, options);
  const draft = await draftSplit(request, options);
  const store = await ResultStore.open(place.directory, place.spec);
  const codeOf = ({ id, joined }: ReleaseUnit) =>
    [id, ...joined].flatMap((each) => request.customCode?.get(each) ?? []);
  const program = await identifyProgram();
  const { retry = 'none' } = request;
  const mentioning = new MentioningFiles(draft.units.flatMap(({ atoms }) => atoms));
  const chosen = chooseUnits(draft.units, request);
  const results = new Map<string, UnitResult>();
  const quiet = { ...options, progress: silentProgress };
  const judge = (drafted: DraftUnit) => {
    const check = () => checkUnit(drafted, place.workshop.tree, mentioning, quiet);
    return judgeAlone(drafted.unit, place, codeOf(drafted.unit), check, quiet);
  };
  const letSlotsGo = keepSlots(place.workshop.tree);
  const settled = await settleUnits(
    draft.units,
    (unit) => chosen.has(unit),
    async (units, round) => {
      const judging = { judge, store, retry, codeOf, round, program };
      const judged = await judgeAll(units, judging, options);
      const complaints = new Map<string, Complaint>();
      for (const [id, result] of judged) {
        results.set(id, result);
        const complaint = complaintOf(result);
        if (complaint !== undefined) complaints.set(id, complaint);
      }
      return complaints;
    },
  ).finally(letSlotsGo);
  const units = settled.map(({ unit }) => unit).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (request.applyInGuests !== undefined) {
    await applyResults(units, results, place.workshop.kernel, { store, codeOf }, request.applyInGuests);
  }
  const judged = units.flatMap((unit) => describeNow(unit, results.get(unit.id)));
  const { release, version } = place.workshop.kernel.identity;
  return {
    from: request.from,
    to: request.to,
    kernel: { release, version },
    sample: request.sample ?? null,
    units: judged,
    summary: summarize(judged, draft.untiedCves.length),
  };
}

function chooseUnits(
  drafts: readonly DraftUnit[],
  { only, sample }: EvaluationRequest,
): ReadonlySet<DraftUnit> {
  const wanted =
    only === undefined
      ? drafts
      : drafts.filter(({ unit }) => only.some((each) => each === unit.id || unit.files.includes(each)));
  if (wanted.length === 0) {
    throw new InputError('no-units', 'no unit to evaluate; `resplice split` lists them with their files');
  }
  return new Set(sample === undefined ? wanted : drawSample(wanted, sample.size, sample.seed));
}

/** A kept result with what does not depend on how the unit was judged: the rules for ties may have changed since. */
function describeNow(unit: ReleaseUnit, result: UnitResult | undefined): readonly UnitResult[] {
  if (result === undefined) return [];
  const { files, joined } = unit;
  return [{ ...result, files, joined, cves: [...new Set(unit.cves.map(({ cve }) => cve))].sort() }];
}

interface KeptResults {
  readonly store: ResultStore;
  readonly codeOf: (unit: ReleaseUnit) => readonly PatchFile[];
}

/** Each result is kept as soon as it is known. */
async function applyResults(
  units: readonly ReleaseUnit[],
  results: Map<string, UnitResult>,
  kernel: FetchedKernel,
  { store, codeOf }: KeptResults,
  applyInGuests: GuestTrial,
): Promise<void> {
  const byId = new Map(units.map((unit) => [unit.id, unit]));
  const updates: { id: string; update: Update }[] = [];
  for (const unit of units) {
    const result = results.get(unit.id);
    if (result === undefined || result.functions === 0 || result.applied !== null) continue;
    updates.push({ id: unit.id, update: await store.readUpdate(unit, codeOf(unit)) });
  }
  await applyInGuests(updates, kernel, async (id, { applied, problem }) => {
    const [unit, result] = [byId.get(id), results.get(id)];
    if (unit === undefined || result === undefined) return;
    const updated = { ...result, applied, applyProblem: problem };
    results.set(id, updated);
    await store.write(unit, codeOf(unit), updated);
  });
}
