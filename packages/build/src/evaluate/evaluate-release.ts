// Every unit of a release through create: split, draw a sample if asked to, judge what no earlier run has judged, add up. As many units at
// a time as there are processors: one unit mostly waits for one compiler.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InputError, silentProgress } from '@resplice/report';
import type { Update } from '@resplice/update';
import { systemApt } from '../debian/apt.js';
import { type FetchedKernel, fetchKernel, listFetchedKernels } from '../debian/fetch-kernel.js';
import { resolveKernel } from '../debian/resolve-kernel.js';
import { cacheRoot, type WorkOptions } from '../debian/store.js';
import type { PatchFile } from '../patch/patch-model.js';
import { type ReleaseUnit, splitRelease } from '../split/split-release.js';
import { prepareTree } from '../tree/prepare-tree.js';
import { type Evaluation, summarize, type UnitResult } from './evaluation.js';
import { judgeUnit } from './judge-unit.js';
import { ResultStore } from './result-store.js';
import { drawSample } from './sample.js';

/** Which earlier results are judged again. */
export type Retry = 'none' | 'refused' | 'all';

export interface EvaluationRequest {
  readonly from: string;
  readonly to: string;
  /** A kernel of version `from`; the plain amd64 one when left out. */
  readonly kernel?: string;
  readonly sample?: { readonly size: number; readonly seed: number };
  /** Ids or paths; only units that match one of them. */
  readonly only?: readonly string[];
  readonly retry?: Retry;
  /** Where results are kept; a place in the cache when left out. */
  readonly work?: string;
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
  const kernel = await findKernel(request, options);
  await prepareTree(kernel, options);
  const { release, version } = kernel.identity;
  const split = await splitRelease(request, options);
  const units = chooseUnits(split.units, request);
  const name = `${request.from}_${request.to}_${release}`.replace(/[^\w.+-]/g, '_');
  const directory = request.work ?? join(options.cache ?? cacheRoot(), 'evaluations', name);
  const store = await ResultStore.open(directory, `${release}=${version}`);
  const results = await judgeUnits(units, `${release}=${version}`, store, request, options);
  if (request.applyInGuests !== undefined) {
    await applyResults(units, results, kernel, store, request, request.applyInGuests);
  }
  const judged = units.flatMap(({ id }) => results.get(id) ?? []);
  return {
    from: request.from,
    to: request.to,
    kernel: { release, version },
    sample: request.sample ?? null,
    units: judged,
    summary: summarize(judged, split.untiedCves.length),
  };
}

async function findKernel({ from, kernel }: EvaluationRequest, options: WorkOptions): Promise<FetchedKernel> {
  const context = { fetched: await listFetchedKernels(options) };
  const identity = await resolveKernel(kernel ?? from, systemApt(), context);
  if (identity.version !== from) {
    throw new InputError(
      'wrong-kernel',
      `${identity.release} is of version ${identity.version}; the units are for ${from}: name a kernel of that version with --kernel`,
    );
  }
  return fetchKernel(identity, options);
}

function chooseUnits(
  units: readonly ReleaseUnit[],
  { only, sample }: EvaluationRequest,
): readonly ReleaseUnit[] {
  const wanted =
    only === undefined
      ? units
      : units.filter(({ id, files }) => only.some((each) => each === id || files.includes(each)));
  if (wanted.length === 0) {
    throw new InputError('no-units', 'no unit to evaluate; `resplice split` lists them with their files');
  }
  return sample === undefined ? wanted : drawSample(wanted, sample.size, sample.seed);
}

async function judgeUnits(
  units: readonly ReleaseUnit[],
  kernel: string,
  store: ResultStore,
  request: EvaluationRequest,
  options: WorkOptions,
): Promise<Map<string, UnitResult>> {
  const results = new Map<string, UnitResult>();
  const missing: ReleaseUnit[] = [];
  const codeOf = (unit: ReleaseUnit) => request.customCode?.get(unit.id) ?? [];
  for (const unit of units) {
    const known = await store.find(unit, codeOf(unit));
    if (known === undefined || isAskedAgain(known, request.retry ?? 'none')) missing.push(unit);
    else results.set(unit.id, known);
  }
  const progress = options.progress ?? silentProgress;
  const quiet = { ...options, progress: silentProgress };
  let done = 0;
  const report = (detail: string, state: 'update' | 'done' = 'update') =>
    progress({ stage: 'evaluate', state, detail, done, total: missing.length, unit: 'tasks' });
  progress({ stage: 'evaluate', state: 'start', detail: `${missing.length} of ${units.length} units` });
  const start = performance.now();
  const queue = missing.toSorted(byReach).values();
  const work = async () => {
    for (const unit of queue) {
      options.signal?.throwIfAborted();
      const { result, update } = await judgeUnit(unit, kernel, codeOf(unit), quiet);
      if (update !== undefined) await store.writeUpdate(unit, codeOf(unit), update);
      await store.write(unit, codeOf(unit), result);
      results.set(unit.id, result);
      done += 1;
      const left = ((performance.now() - start) / done) * (missing.length - done);
      report(`${unit.id}: ${describe(result)}, ${Math.ceil(left / 60_000)} min left`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  report(`${units.length} units`, 'done');
  return results;
}

/** Headers last: one of them can take as long as a hundred sources. */
function byReach(a: ReleaseUnit, b: ReleaseUnit): number {
  const reach = ({ files }: ReleaseUnit) => files.filter((file) => file.startsWith('include/')).length;
  return Math.min(1, reach(a)) - Math.min(1, reach(b));
}

function isAskedAgain(result: UnitResult, retry: Retry): boolean {
  return retry === 'all' || (retry === 'refused' && result.verdict === 'refused' && result.built);
}

function describe({ built, changesCode, verdict, reasons }: UnitResult): string {
  if (!built) return 'not built';
  if (!changesCode) return 'changes no code';
  return verdict === 'refused' ? `refused (${reasons[0]?.code ?? ''})` : verdict;
}

/** Each result is kept as soon as it is known. */
async function applyResults(
  units: readonly ReleaseUnit[],
  results: Map<string, UnitResult>,
  kernel: FetchedKernel,
  store: ResultStore,
  request: EvaluationRequest,
  applyInGuests: GuestTrial,
): Promise<void> {
  const codeOf = (unit: ReleaseUnit) => request.customCode?.get(unit.id) ?? [];
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
