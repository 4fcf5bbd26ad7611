// One unit through create, as a result that can be kept. Nothing that goes wrong with one unit ends the evaluation: a refusal, a patch
// that does not compile alone and a bug are all results; only an interruption is not.

import { formatSubject, type Reason, RespliceError } from '@resplice/report';
import type { Update } from '@resplice/update';
import { type CreatedUpdate, createUpdate } from '../create/create-update.js';
import type { WorkOptions } from '../debian/store.js';
import { ToolClock } from '../debian/tool-clock.js';
import { parsePatch } from '../patch/diff-parser.js';
import type { PatchFile } from '../patch/patch-model.js';
import type { ReleaseUnit } from '../split/unit.js';
import { isCompilerError } from './complaint-of.js';
import type { UnitReason, UnitResult } from './evaluation.js';
import type { ReleaseKernel } from './release-kernel.js';

export interface JudgedUnit {
  readonly result: UnitResult;
  /** What was made; undefined when nothing was. */
  readonly update: Update | undefined;
}

/**
 * Makes an update of one unit; one that does not compile gets all of the compiler's errors, not those of the object that failed first.
 * @param check the compiler's errors about the unit alone
 */
export async function judgeAlone(
  unit: ReleaseUnit,
  place: ReleaseKernel,
  customCode: readonly PatchFile[],
  check: () => Promise<string>,
  options: WorkOptions,
): Promise<JudgedUnit> {
  const judged = await judgeUnit(unit, place, customCode, options);
  if (!isCompilerError(judged.result)) return judged;
  const start = performance.now();
  const found = await check();
  const spent = Math.round(performance.now() - start);
  const { result } = judged;
  const [first, ...others] = result.reasons;
  if (first === undefined || found === '') return judged;
  return {
    update: judged.update,
    result: {
      ...result,
      reasons: [{ ...first, found }, ...others],
      milliseconds: result.milliseconds + spent,
      toolMilliseconds: result.toolMilliseconds + spent,
    },
  };
}

type Judgement = Pick<
  UnitResult,
  'built' | 'changesCode' | 'verdict' | 'requiresUnloaded' | 'reasons' | 'functions'
>;

/**
 * Makes an update of one unit.
 * @param customCode patches with code for this unit (docs/patch-author-guide.md); tried when the unit alone is refused
 */
export async function judgeUnit(
  unit: ReleaseUnit,
  place: ReleaseKernel,
  customCode: readonly PatchFile[],
  options: WorkOptions,
): Promise<JudgedUnit> {
  const start = performance.now();
  const clock = new ToolClock();
  const judge = (patches: readonly PatchFile[]) => clock.measure(() => create(place, patches, cves, options));
  const patch = parsePatch(unit.patch, `${unit.id}.patch`);
  const cves = [...new Set(unit.cves.map(({ cve }) => cve))].sort();
  let { judgement, update } = await judge([patch]);
  if (judgement.verdict === 'refused' && customCode.length > 0) {
    const second = await judge([patch, ...customCode]);
    if (second.update !== undefined) {
      judgement = { ...second.judgement, verdict: 'with-hook', reasons: judgement.reasons };
      update = second.update;
    }
  }
  const result = {
    id: unit.id,
    files: unit.files,
    joined: unit.joined,
    cves,
    ...judgement,
    applied: null,
    applyProblem: null,
    milliseconds: Math.round(performance.now() - start),
    toolMilliseconds: Math.round(clock.milliseconds),
    program: '',
  };
  return { result, update };
}

async function create(
  { spec, workshop }: ReleaseKernel,
  patches: readonly PatchFile[],
  cves: readonly string[],
  options: WorkOptions,
): Promise<{ judgement: Judgement; update: Update | undefined }> {
  try {
    const request = { kernel: spec, patches, cves, description: undefined, on: [] };
    const verdict = await createUpdate(request, { ...options, workshop });
    if (verdict.ok) return { judgement: accepted(verdict.value), update: verdict.value.update };
    return { judgement: judgeReasons(verdict.reasons), update: undefined };
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    const code = error instanceof RespliceError ? error.code : 'bug';
    const message = error instanceof Error ? error.message : String(error);
    return {
      judgement: refusedFor([{ code, subject: '', found: message.slice(0, 6000) }]),
      update: undefined,
    };
  }
}

function accepted({ update }: CreatedUpdate): Judgement {
  const functions = update.manifest.objects.reduce((sum, object) => sum + object.functions.length, 0);
  const requiresUnloaded = (update.manifest.requiresUnloaded ?? []).map(({ module }) => module);
  return { built: true, changesCode: true, verdict: 'automatic', requiresUnloaded, reasons: [], functions };
}

function judgeReasons(reasons: readonly Reason[]): Judgement {
  const listed = reasons.map(({ code, subject, found }) => ({
    code,
    subject: formatSubject(subject),
    found,
  }));
  const judgement = refusedFor(listed);
  const only = (code: Reason['code']) => reasons.every((reason) => reason.code === code);
  if (only('patch-changes-nothing-built')) return { ...judgement, built: false, changesCode: false };
  // Nothing that runs differs: there is nothing for a person to write.
  if (only('patch-changes-no-code')) return { ...judgement, changesCode: false, verdict: 'automatic' };
  return judgement;
}

function refusedFor(reasons: readonly UnitReason[]): Judgement {
  const nothing = { requiresUnloaded: [], functions: 0 };
  return { built: true, changesCode: true, verdict: 'refused', reasons, ...nothing };
}
