// What people decide about a candidate. An approval is of one hash, that of everything the reviewer could see: when the unit is made again or
// tested again there is another one, and what was said of the old one stays in the record and counts no more.

import { and, eq, sql } from 'drizzle-orm';
import type { ArtefactStore } from '../artefact/artefact-store.js';
import { type Author, entryOf, writeAudit } from '../audit.js';
import type { Orm } from '../database/database.js';
import { organisations } from '../database/schema.js';
import { ServiceError } from '../failure.js';
import { hashOf, keepArtefact } from './artefact-name.js';
import { type CandidateRecord, lockCandidate, moveCandidate } from './candidate-change.js';
import { cancelJobs } from './job-queue.js';
import { factoryReviews, factoryTests, factoryUnits } from './tables.js';

/** After a test that passed: puts what there is to be seen under its hash, and the candidate before people. */
export async function openReview(
  transaction: Orm,
  artefacts: ArtefactStore,
  candidate: CandidateRecord,
  who: string,
): Promise<CandidateRecord> {
  const reviewSha256 = await keepReviewed(transaction, artefacts, candidate);
  return moveCandidate(transaction, candidate, { event: 'ready-for-review', who, set: { reviewSha256 } });
}

/** Everything by its hash, so that whoever has this text can find and check all of it. */
async function keepReviewed(
  transaction: Orm,
  artefacts: ArtefactStore,
  candidate: CandidateRecord,
): Promise<string> {
  const [unit] = await transaction.select().from(factoryUnits).where(eq(factoryUnits.id, candidate.unitId));
  const tests = await transaction
    .select({ id: factoryTests.id, ok: factoryTests.ok, log: factoryTests.log, beside: factoryTests.beside })
    .from(factoryTests)
    .where(
      and(
        eq(factoryTests.candidateId, candidate.id),
        eq(factoryTests.updateSha256, candidate.updateSha256 ?? ''),
      ),
    )
    .orderBy(factoryTests.id);
  const reviewed = {
    candidate: candidate.id,
    unit: { name: unit?.name, patchSha256: unit?.sha256, cves: unit?.cves, subjects: unit?.subjects },
    kernel: {
      release: candidate.kernelRelease,
      version: candidate.kernelVersion,
      buildId: candidate.buildId,
    },
    verdict: candidate.verdict,
    reasons: candidate.reasons,
    requiresUnloaded: candidate.requiresUnloaded,
    update: { id: candidate.updateId, sha256: candidate.updateSha256, engine: candidate.engine },
    detailSha256: candidate.detailSha256,
    customCodeSha256: candidate.customCode === null ? null : hashOf(candidate.customCode),
    probeSha256: unit?.probe == null ? null : hashOf(unit.probe),
    tests,
  };
  return keepArtefact(artefacts, candidate.organisationId, 'review', JSON.stringify(reviewed, null, 1));
}

/** Throws ServiceError `conflict`: not to be decided now, something else was reviewed, or the same person twice. */
export async function approve(
  orm: Orm,
  author: Author,
  id: string,
  { sha256, words }: { readonly sha256: string; readonly words?: string | undefined },
): Promise<void> {
  await decide(orm, author, id, 'approve', words, async (transaction, candidate) => {
    assertInReview(candidate);
    if (candidate.reviewSha256 !== sha256) {
      const message =
        'something else is to be reviewed by now than what was approved: look at the candidate again';
      throw new ServiceError('conflict', message);
    }
    const { userId, organisationId } = author.principal;
    const earlier = await transaction
      .select({ userId: factoryReviews.userId })
      .from(factoryReviews)
      .where(
        and(
          eq(factoryReviews.candidateId, id),
          eq(factoryReviews.decision, 'approve'),
          eq(factoryReviews.sha256, sha256),
        ),
      );
    const people = new Set(earlier.map((row) => row.userId));
    if (people.has(userId))
      throw new ServiceError('conflict', 'you have approved this already; it takes another person now');
    const needed = await approvalsNeeded(transaction, organisationId);
    if (people.size + 1 < needed) return;
    const who = author.principal.actor;
    await moveCandidate(transaction, candidate, { event: 'approved', who, why: words });
  });
}

export function sendBack(orm: Orm, author: Author, id: string, words: string): Promise<void> {
  return turnDown(orm, author, id, 'send-back', words);
}

export function refuse(orm: Orm, author: Author, id: string, words: string): Promise<void> {
  return turnDown(orm, author, id, 'refuse', words);
}

function turnDown(
  orm: Orm,
  author: Author,
  id: string,
  event: 'send-back' | 'refuse',
  why: string,
): Promise<void> {
  return decide(orm, author, id, event, why, async (transaction, candidate) => {
    const who = author.principal.actor;
    await moveCandidate(transaction, candidate, { event, who, why, set: { reviewSha256: null } });
  });
}

/** Code that a person wrote for a unit; it is made again with it. */
export function changeCode(orm: Orm, author: Author, id: string, patch: string | null): Promise<void> {
  if (patch !== null && !/^\+\+\+ [^\n]+\n@@ /m.test(patch)) {
    const message =
      'custom code is a patch on top of the unit: begin with the skeleton, and keep its lines +++ and @@';
    throw new ServiceError('request-malformed', message);
  }
  return change(orm, author, id, 'code', { length: patch?.length ?? 0 }, async (transaction, candidate) => {
    const who = author.principal.actor;
    const why = patch === null ? 'custom code taken away' : 'custom code pushed';
    await moveCandidate(transaction, candidate, {
      event: 'change-code',
      who,
      why,
      set: { customCode: patch, ...NOTHING_MADE },
    });
  });
}

/** A script that shows the hole, for all kernels of the unit. */
export function changeProbe(orm: Orm, author: Author, id: string, script: string | null): Promise<void> {
  return change(orm, author, id, 'probe', { length: script?.length ?? 0 }, async (transaction, candidate) => {
    await transaction
      .update(factoryUnits)
      .set({ probe: script })
      .where(eq(factoryUnits.id, candidate.unitId));
    const who = author.principal.actor;
    const why = script === null ? 'probe taken away' : 'probe pushed';
    await moveCandidate(transaction, candidate, {
      event: 'change-probe',
      who,
      why,
      set: { reviewSha256: null },
    });
  });
}

export function retry(orm: Orm, author: Author, id: string): Promise<void> {
  return change(orm, author, id, 'retry', {}, async (transaction, candidate) => {
    if (candidate.state === 'converting')
      throw new ServiceError('conflict', 'a worker is at it; cancel it first');
    const who = author.principal.actor;
    await moveCandidate(transaction, candidate, { event: 'retry', who, set: NOTHING_MADE });
  });
}

export function cancel(orm: Orm, author: Author, id: string): Promise<void> {
  return change(orm, author, id, 'cancel', {}, async (transaction, candidate) => {
    await cancelJobs(transaction, id);
    await moveCandidate(transaction, candidate, { event: 'cancel', who: author.principal.actor });
  });
}

export function withdraw(orm: Orm, author: Author, id: string, words: string): Promise<void> {
  return change(orm, author, id, 'withdraw', { words }, async (transaction, candidate) => {
    const who = author.principal.actor;
    await moveCandidate(transaction, candidate, { event: 'withdraw', who, why: words });
  });
}

/** What is not true any more when a unit is made again. */
export const NOTHING_MADE = {
  verdict: null,
  reasons: [],
  requiresUnloaded: [],
  waitingFor: null,
  functions: 0,
  updateId: null,
  updateLength: null,
  updateSha256: null,
  engine: null,
  detailSha256: null,
  reviewSha256: null,
} as const;

async function decide(
  orm: Orm,
  author: Author,
  id: string,
  decision: 'approve' | 'send-back' | 'refuse',
  words: string | undefined,
  move: (transaction: Orm, candidate: CandidateRecord) => Promise<void>,
): Promise<void> {
  await change(orm, author, id, decision, { words }, async (transaction, candidate) => {
    await move(transaction, candidate);
    await transaction.insert(factoryReviews).values({
      candidateId: id,
      userId: author.principal.userId,
      who: author.principal.actor,
      decision,
      words: words ?? null,
      sha256: candidate.reviewSha256 ?? candidate.detailSha256 ?? '',
    });
  });
}

/** In one transaction with its line in the audit log. */
async function change(
  orm: Orm,
  author: Author,
  id: string,
  action: string,
  detail: Readonly<Record<string, unknown>>,
  work: (transaction: Orm, candidate: CandidateRecord) => Promise<void>,
): Promise<void> {
  await orm.transaction(async (transaction) => {
    const candidate = await lockCandidate(transaction as Orm, id, author.principal.organisationId);
    await work(transaction as Orm, candidate);
    await writeAudit(transaction, entryOf(author, `candidate.${action}`, id, detail));
  });
}

function assertInReview({ state }: CandidateRecord): void {
  if (state !== 'in-review')
    throw new ServiceError('conflict', `the candidate is ${state}, and there is nothing to approve`);
}

async function approvalsNeeded(transaction: Orm, organisationId: string): Promise<number> {
  const [row] = await transaction
    .select({ approvals: organisations.approvals })
    .from(organisations)
    .where(sql`${organisations.id} = ${organisationId}`);
  return row?.approvals ?? 1;
}
