// One unit for one kernel, through create, with the code that a person has written for it if there is any.

import { isIncomplete, type PatchFile, parsePatches } from '@resplice/build';
import type { CandidateVerdict } from '@resplice/protocol/factory';
import { InputError } from '@resplice/report';
import {
  type CandidateRecord,
  factoryUnits,
  kernelSpec,
  lockCandidate,
  moveCandidate,
  NOTHING_MADE,
  type Orm,
  readArtefact,
} from '@resplice/server/factory';
import { eq } from 'drizzle-orm';
import type { JobContext, JobHandler } from '../job-context.js';
import { type MadeUpdate, makeUpdate } from './make-update.js';

export const convertHandler: JobHandler = {
  async work(context) {
    const { job, who } = context;
    const candidate = await begin(context);
    // Somebody decided otherwise since the job was made.
    if (candidate === undefined) return async () => {};
    const unit = await readUnit(context, candidate);
    const made = await make(context, candidate, unit);
    const mayJoin = candidate.customCode === null;
    const outcome = judgeMade(made, { files: unit.files, mayJoin, hasCode: candidate.customCode !== null });
    context.note(`${outcome.verdict}: ${made.reasons.map(({ code }) => code).join(', ') || made.update?.id}`);
    return async (transaction) => {
      const locked = await lockCandidate(transaction, job.target);
      await moveCandidate(transaction, locked, {
        event: outcome.event,
        who,
        why: outcome.verdict,
        set: {
          verdict: outcome.verdict,
          reasons: made.reasons,
          detailSha256: made.detailSha256,
          functions: made.update?.functions ?? 0,
          requiresUnloaded: made.update?.requiresUnloaded ?? [],
          updateId: made.update?.id ?? null,
          updateLength: made.update?.length ?? null,
          updateSha256: made.update?.sha256 ?? null,
          engine: made.update?.engine ?? null,
          ...(made.update === null ? {} : { buildId: made.update.buildId }),
        },
      });
    };
  },
  async giveUp(transaction, job, problem, who) {
    const candidate = await lockCandidate(transaction, job.target);
    if (candidate.state === 'converting' || candidate.state === 'new')
      await moveCandidate(transaction, candidate, { event: 'cancel', who, why: problem.slice(0, 4000) });
  },
};

async function begin({ orm, job, who }: JobContext): Promise<CandidateRecord | undefined> {
  return orm.transaction(async (transaction) => {
    const candidate = await lockCandidate(transaction as Orm, job.target);
    if (candidate.state !== 'new' && candidate.state !== 'converting') return undefined;
    return moveCandidate(transaction as Orm, candidate, {
      event: 'begin-conversion',
      who,
      set: NOTHING_MADE,
    });
  });
}

/** Code that is no patch is an answer to whoever pushed it. */
async function make(context: JobContext, candidate: CandidateRecord, unit: ReadUnit): Promise<MadeUpdate> {
  const { customCode: text } = candidate;
  let customCode: readonly PatchFile[] = [];
  try {
    if (text !== null) customCode = parsePatches(text, 'custom-code.patch');
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const reasons = [{ code: error.code, subject: '', found: error.message }];
    return { update: null, reasons, detailSha256: null, hasSkeleton: false };
  }
  const { patches, cves, subject: description } = unit;
  const kernel = kernelSpec(candidate);
  return makeUpdate(context, { kernel, patches, customCode, cves, description, mayStandAlone: true });
}

export interface ReadUnit {
  readonly name: string;
  /** Of the changelog or the mail; undefined when none is tied to it. */
  readonly subject: string | undefined;
  readonly files: readonly string[];
  /** Units that this one is together. */
  readonly joined: readonly string[];
  readonly probe: string | null;
  readonly patches: readonly PatchFile[];
  readonly cves: readonly string[];
}

/** A unit with its patch. Throws when the store has lost it. */
export async function readUnit(
  { orm, artefacts, job }: Pick<JobContext, 'orm' | 'artefacts' | 'job'>,
  { unitId }: Pick<CandidateRecord, 'unitId'>,
): Promise<ReadUnit> {
  const [unit] = await orm.select().from(factoryUnits).where(eq(factoryUnits.id, unitId));
  if (unit === undefined) throw new Error(`unit ${unitId} is gone`);
  const bytes = await readArtefact(artefacts, job.organisationId, 'patch', unit.sha256);
  if (bytes === undefined) throw new Error(`the patch of ${unit.name} is not in the artefact store`);
  return {
    name: unit.name,
    subject: unit.subjects[0]?.subject,
    files: unit.files,
    joined: unit.joined,
    probe: unit.probe,
    patches: parsePatches(bytes, `${unit.name}.patch`),
    cves: [...new Set(unit.cves.map(({ cve }) => cve))].sort(),
  };
}

interface Asked {
  readonly files: readonly string[];
  /** There are other units that it may need. */
  readonly mayJoin: boolean;
  readonly hasCode: boolean;
}

type FoundEvent =
  | 'found-automatic'
  | 'found-needs-code'
  | 'found-refused'
  | 'found-not-built'
  | 'found-incomplete';

/** What the answer of create means for the candidate. */
export function judgeMade(
  { update, reasons, hasSkeleton }: MadeUpdate,
  { files, mayJoin, hasCode }: Asked,
): { readonly event: FoundEvent; readonly verdict: CandidateVerdict } {
  if (update !== null) {
    const conditional = update.requiresUnloaded.length > 0 ? 'conditional' : 'automatic';
    return { event: 'found-automatic', verdict: hasCode ? 'with-code' : conditional };
  }
  const only = (code: string) => reasons.length > 0 && reasons.every((reason) => reason.code === code);
  if (only('patch-changes-nothing-built')) return { event: 'found-not-built', verdict: 'not-built' };
  if (only('patch-changes-no-code')) return { event: 'found-not-built', verdict: 'no-code-changes' };
  const incomplete = isIncomplete(reasons, files);
  if (incomplete && mayJoin) return { event: 'found-incomplete', verdict: 'does-not-compile' };
  // Whoever wrote code for it can write it anew.
  if (hasCode || hasSkeleton) return { event: 'found-needs-code', verdict: 'needs-code' };
  return incomplete
    ? { event: 'found-needs-code', verdict: 'does-not-compile' }
    : { event: 'found-refused', verdict: 'refused' };
}
