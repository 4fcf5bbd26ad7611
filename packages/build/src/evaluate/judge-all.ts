// Judges units, several at a time, keeping each result as soon as it is known. The order is that of a hash: so what an interrupted
// evaluation has judged is a fair sample of the whole, and slow kinds of units do not all come last.

import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { REASONS, silentProgress } from '@resplice/report';
import type { WorkOptions } from '../debian/store.js';
import type { PatchFile } from '../patch/patch-model.js';
import type { DraftUnit, ReleaseUnit } from '../split/unit.js';
import { complaintOf, isCompilerError } from './complaint-of.js';
import type { UnitResult } from './evaluation.js';
import type { JudgedUnit } from './judge-unit.js';
import type { ResultStore } from './result-store.js';
import { TimeLeft } from './time-left.js';

/** Which earlier results are judged again. */
export type Retry = 'none' | 'refused' | 'all';

export interface JudgingRequest {
  /** Never fails for what a unit is; only when it is interrupted. */
  readonly judge: (draft: DraftUnit) => Promise<JudgedUnit>;
  readonly store: ResultStore;
  readonly retry: Retry;
  readonly codeOf: (unit: ReleaseUnit) => readonly PatchFile[];
  /** For the progress: which time around it is. */
  readonly round: number;
  /** {@link identifyProgram}. */
  readonly program: string;
}

/** Unit id → result, of all units. */
export async function judgeAll(
  drafts: readonly DraftUnit[],
  request: JudgingRequest,
  options: WorkOptions,
): Promise<ReadonlyMap<string, UnitResult>> {
  const { store, codeOf, round } = request;
  const results = new Map<string, UnitResult>();
  const missing: DraftUnit[] = [];
  const time = new TimeLeft();
  for (const draft of drafts) {
    const { unit } = draft;
    const known = await store.find(unit, codeOf(unit));
    if (known === undefined || isAskedAgain(known, request)) missing.push(draft);
    else results.set(unit.id, known);
    if (known !== undefined) time.add(known.files, known.milliseconds);
  }
  const progress = options.progress ?? silentProgress;
  const parallel = Math.min(availableParallelism(), Math.max(1, missing.length));
  const rest = new Set(missing);
  const report = (detail: string, state: 'update' | 'done' = 'update') => {
    const counts = { done: missing.length - rest.size, total: missing.length, unit: 'tasks' as const };
    progress({ stage: 'evaluate', state, detail, ...counts });
  };
  const again = round === 1 ? '' : `, joined in round ${round}`;
  progress({
    stage: 'evaluate',
    state: 'start',
    detail: `${missing.length} of ${drafts.length} units${again}`,
  });
  const queue = missing.toSorted(byHash).values();
  const work = async () => {
    for (const draft of queue) {
      options.signal?.throwIfAborted();
      const { unit } = draft;
      const result = await judgeOne(draft, request);
      results.set(unit.id, result);
      rest.delete(draft);
      time.add(unit.files, result.milliseconds);
      const left = time.estimate(
        [...rest].map(({ unit: { files } }) => files),
        parallel,
      );
      report(`${unit.id}: ${describe(result)}, ${Math.ceil(left / 60_000)} min left`);
    }
  };
  // What is in work when another one fails or the run is interrupted still keeps its result.
  const ends = await Promise.allSettled(Array.from({ length: parallel }, work));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  report(`${drafts.length} units`, 'done');
  return results;
}

async function judgeOne(draft: DraftUnit, request: JudgingRequest): Promise<UnitResult> {
  const { judge, store, codeOf, program } = request;
  const { unit } = draft;
  const { update, result: judged } = await judge(draft);
  if (update !== undefined) await store.writeUpdate(unit, codeOf(unit), update);
  const result = { ...judged, program };
  await store.write(unit, codeOf(unit), result);
  return result;
}

function byHash(a: DraftUnit, b: DraftUnit): number {
  const hash = ({ unit }: DraftUnit) => createHash('sha256').update(unit.patch).digest('hex');
  return hash(a) < hash(b) ? -1 : 1;
}

/** Not when it was this very program that judged, unless something failed that is no verdict: a full disk, a killed compiler. */
function isAskedAgain(result: UnitResult, { retry, program }: JudgingRequest): boolean {
  if (retry === 'none') return false;
  const [first] = result.reasons;
  const isVerdict = first === undefined || first.code in REASONS || complaintOf(result) !== undefined;
  if (isVerdict && result.program === program) return false;
  // What the compiler says does not depend on the engine.
  return retry === 'all' || (result.verdict === 'refused' && result.built && !isCompilerError(result));
}

function describe({ built, changesCode, verdict, reasons, requiresUnloaded }: UnitResult): string {
  if (!built) return 'not built';
  if (!changesCode) return 'changes no code';
  const condition =
    requiresUnloaded.length === 0 ? '' : ` while ${requiresUnloaded.join(', ')} is not loaded`;
  return verdict === 'refused' ? `refused (${reasons[0]?.code ?? ''})` : `${verdict}${condition}`;
}
