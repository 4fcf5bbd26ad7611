// Candidates of one kernel in guests of it, on top of what is published: applied, probed and undone, several in one boot. Jobs of one kernel run
// side by side when workers have nothing else to do, each with candidates of its own. One that fails in
// company is tried once more alone, since its neighbours may be to blame. One that changes a function of the published cumulative update
// cannot lie beside it; it is tried as machines will have it, as a part of the next cumulative update in the place of the published one.

import type { FetchedKernel } from '@resplice/build';
import {
  addTest,
  artefactName,
  CANDIDATES_PER_BOOT,
  type CandidateRecord,
  factoryCandidates,
  factoryTests,
  keepArtefact,
  lockCandidate,
  moveCandidate,
  type Orm,
  ofKernel,
  openReview,
} from '@resplice/server/factory';
import type { Update } from '@resplice/update';
import { and, desc, inArray, or, sql } from 'drizzle-orm';
import { applyInGuest, applyInGuests, type GuestVerdict, type Trial } from '../guest/guest-trial.js';
import type { JobContext, JobHandler } from '../job-context.js';
import { combine, readCombined } from './combine.js';
import { readUnit } from './convert.js';
import { listReasons, readUpdateArtefact } from './make-update.js';
import { findNewest, overlap, parseKernel, readCumulative } from './published.js';

interface TestedCandidate {
  readonly id: string;
  readonly verdict: Omit<GuestVerdict, 'log'>;
  readonly log: string;
  readonly updateSha256: string;
}

export const testHandler: JobHandler = {
  async work(context) {
    const { job, note } = context;
    const kernelName = parseKernel(job.target);
    const candidates = await beginTests(context);
    if (candidates.length === 0) return async () => {};
    const { kernel } = await context.openWorkshop(job.target);
    const newest = await findNewest(context, kernelName);
    const below = await readCumulative(context, newest);
    const tested: TestedCandidate[] = [];
    const keep = async (candidate: CandidateRecord, verdict: GuestVerdict): Promise<void> => {
      note(`${candidate.updateId}: ${verdict.problem ?? 'applied and undone, clean log'}`);
      const log = artefactName(
        'log',
        await keepArtefact(context.artefacts, job.organisationId, 'log', verdict.log),
      );
      const updateSha256 = candidate.updateSha256 ?? '';
      tested.push({ id: candidate.id, verdict, log, updateSha256 });
    };
    for (const [candidate, verdict] of await tryAll(context, { candidates, kernel, below }))
      await keep(candidate, verdict);
    const beside = below.map(({ manifest }) => manifest.id);
    return async (transaction) => {
      for (const each of tested) await record(transaction, context, each, beside);
      const [more] = await transaction
        .select()
        .from(factoryCandidates)
        .where(inStates(job, ['automatic']))
        .orderBy(desc(factoryCandidates.priority))
        .limit(1);
      if (more !== undefined) await addTest(transaction, more);
    };
  },
  async giveUp(transaction, job, problem, who) {
    const rows = await transaction.select().from(factoryCandidates).where(underTest(job));
    for (const { id } of rows) {
      const candidate = await lockCandidate(transaction, id);
      await moveCandidate(transaction, candidate, { event: 'not-passed', who, why: problem.slice(0, 4000) });
    }
  },
};

function inStates(job: JobContext['job'], states: readonly string[]) {
  return and(
    ofKernel(factoryCandidates, job, parseKernel(job.target)),
    inArray(factoryCandidates.state, [...states]),
  );
}

/** Of those under test what no other job has or will try again: this one's earlier attempts began it, or a job that has ended. */
function underTest(job: JobContext['job']) {
  const elsewhere = sql`select from factory_jobs other
    where other.id = ${factoryCandidates.testJobId} and other.id <> ${job.id}
      and other.state in ('waiting', 'running')`;
  return and(inStates(job, ['testing']), sql`not exists (${elsewhere})`);
}

/** As many as share a boot. */
export async function beginTests({
  orm,
  job,
  who,
}: Pick<JobContext, 'orm' | 'job' | 'who'>): Promise<readonly CandidateRecord[]> {
  return orm.transaction(async (transaction) => {
    const rows = await transaction
      .select()
      .from(factoryCandidates)
      .where(or(inStates(job, ['automatic']), underTest(job)))
      .orderBy(
        sql`${factoryCandidates.state} <> 'testing'`,
        desc(factoryCandidates.priority),
        factoryCandidates.id,
      )
      .limit(CANDIDATES_PER_BOOT)
      .for('update');
    const begun: CandidateRecord[] = [];
    for (const row of rows)
      begun.push(
        await moveCandidate(transaction as Orm, row, {
          event: 'begin-test',
          who,
          set: { testJobId: job.id },
        }),
      );
    return begun;
  });
}

interface TestRequest {
  readonly candidates: readonly CandidateRecord[];
  readonly kernel: FetchedKernel;
  readonly below: readonly Update[];
}

async function tryAll(
  context: JobContext,
  { candidates, kernel, below }: TestRequest,
): Promise<ReadonlyMap<CandidateRecord, GuestVerdict>> {
  const verdicts = new Map<CandidateRecord, GuestVerdict>();
  const beside: { readonly candidate: CandidateRecord; readonly trial: Trial }[] = [];
  for (const candidate of candidates) {
    const trial = await readTrial(context, candidate);
    const inTheWay = below.some((published) => overlap(trial.update, published));
    if (!inTheWay) beside.push({ candidate, trial });
    else verdicts.set(candidate, await tryInstead(context, { candidate, kernel, below, trial }));
  }
  const trials = beside.map(({ trial }) => trial);
  const first = await applyInGuests(trials, kernel, { ...context, below });
  for (const { candidate, trial } of beside) {
    let verdict = first.get(trial.id);
    if (verdict === undefined) continue;
    if (!verdict.applied && beside.length > 1) {
      context.note(`${trial.id}: once more, alone, after: ${verdict.problem}`);
      verdict = await applyInGuest(trial, kernel, { ...context, below });
    }
    verdicts.set(candidate, verdict);
  }
  return verdicts;
}

async function readTrial(context: JobContext, candidate: CandidateRecord): Promise<Trial> {
  const { name, probe } = await readUnit(context, candidate);
  const update = await readUpdateArtefact(context, candidate.updateSha256 ?? '');
  // A name for people; two releases may have units of one name.
  const id = `${name} ${candidate.id.slice(0, 8)}`;
  return { id, update, ...(probe === null ? {} : { probe }) };
}

/** As a part of what would be the next cumulative update. */
async function tryInstead(
  context: JobContext,
  {
    candidate,
    kernel,
    below,
    trial,
  }: Omit<TestRequest, 'candidates'> & { candidate: CandidateRecord; trial: Trial },
): Promise<GuestVerdict> {
  const { orm, job } = context;
  const published = await orm
    .select()
    .from(factoryCandidates)
    .where(inStates(job, ['published']));
  const units = await readCombined(context, [...published, candidate]);
  const made = await combine(context, units, { description: `a trial of ${candidate.updateId}` });
  if (made.update === null) {
    const problem = `it cannot be made as one with what is published: ${listReasons(made)}`;
    return { applied: false, problem, probe: [], log: problem };
  }
  const update = await readUpdateArtefact(context, made.update.sha256);
  return applyInGuest({ ...trial, update, replaces: true }, kernel, { ...context, below });
}

async function record(
  transaction: Orm,
  { artefacts, who }: JobContext,
  { id, verdict, log, updateSha256 }: TestedCandidate,
  beside: readonly string[],
): Promise<void> {
  const candidate = await lockCandidate(transaction, id);
  // Cancelled, or made anew meanwhile: then this was a test of something else.
  if (candidate.state !== 'testing' || candidate.updateSha256 !== updateSha256) return;
  const { applied: ok, problem, probe } = verdict;
  await transaction
    .insert(factoryTests)
    .values({ candidateId: id, ok, problem, beside, probe, updateSha256, log });
  const move = { who, ...(problem === null ? {} : { why: problem.slice(0, 4000) }) };
  const moved = await moveCandidate(transaction, candidate, { event: ok ? 'passed' : 'not-passed', ...move });
  if (ok) await openReview(transaction, artefacts, moved, who);
}
