// Tables of the factory. A release has units, a unit times a kernel is a candidate, and everything that happened to a candidate stays: its
// tests, reviews and history are only ever added to. What is large (diffs, disassembly, logs, updates) lies in the artefact store under the
// hash of its content, and rows name it. Jobs are rows too, see job-queue.ts.

import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { createdAt, moment, organisationId, users } from '../database/schema.js';

const list = (name: string) => jsonb(name).$type<readonly string[]>().notNull();

export const factoryWatches = pgTable('factory_watches', {
  id: uuid('id').primaryKey(),
  organisationId: organisationId(),
  kind: text('kind', { enum: ['apt', 'git'] }).notNull(),
  branch: text('branch'),
  flavours: list('flavours'),
  kernels: list('kernels'),
  repository: text('repository'),
  only: jsonb('only').$type<readonly string[]>(),
  upTo: text('up_to'),
  everyMinutes: integer('every_minutes').notNull(),
  createdAt: createdAt(),
  checkedAt: moment('checked_at'),
  problem: text('problem'),
  seen: list('seen'),
});

export interface SeriesSource {
  readonly patches?: readonly { readonly name: string; readonly artefact: string }[];
  readonly git?: { readonly repository: string; readonly range: string };
}

export const factoryReleases = pgTable(
  'factory_releases',
  {
    id: uuid('id').primaryKey(),
    organisationId: organisationId(),
    source: text('source', { enum: ['debian', 'git', 'series'] }).notNull(),
    /** Of what it is made; equal releases are one. */
    identity: text('identity').notNull(),
    title: text('title').notNull(),
    fromVersion: text('from_version').notNull(),
    toVersion: text('to_version').notNull(),
    state: text('state', { enum: ['noticed', 'splitting', 'ready', 'failed'] }).notNull(),
    problem: text('problem'),
    kernels: list('kernels'),
    only: jsonb('only').$type<readonly string[]>(),
    series: jsonb('series').$type<SeriesSource>(),
    untiedCves: list('untied_cves'),
    /** That noticed it; null when a person asked for it. */
    watchId: uuid('watch_id').references(() => factoryWatches.id, { onDelete: 'set null' }),
    /** When the watch found its newer version on offer for the first time. */
    offeredAt: moment('offered_at'),
    noticedAt: moment('noticed_at').notNull(),
    splitAt: moment('split_at'),
    settledAt: moment('settled_at'),
  },
  (table) => [unique('factory_releases_identity').on(table.organisationId, table.identity)],
);

const releaseId = () =>
  uuid('release_id')
    .notNull()
    .references(() => factoryReleases.id, { onDelete: 'cascade' });

export interface Tie {
  readonly subject: string;
  readonly confidence: 'certain' | 'likely' | 'possible';
  readonly why: string;
}

export const factoryUnits = pgTable(
  'factory_units',
  {
    id: uuid('id').primaryKey(),
    releaseId: releaseId(),
    name: text('name').notNull(),
    files: list('files'),
    subjects: jsonb('subjects').$type<readonly Tie[]>().notNull(),
    cves: jsonb('cves').$type<readonly (Tie & { readonly cve: string })[]>().notNull(),
    joined: list('joined'),
    /** Of the patch; its text is the artefact `factory/patch/SHA256.patch`. */
    sha256: text('sha256').notNull(),
    probe: text('probe'),
  },
  (table) => [unique('factory_units_name').on(table.releaseId, table.name)],
);

export const factoryCandidates = pgTable(
  'factory_candidates',
  {
    id: uuid('id').primaryKey(),
    organisationId: organisationId(),
    releaseId: releaseId(),
    unitId: uuid('unit_id')
      .notNull()
      .references(() => factoryUnits.id, { onDelete: 'cascade' }),
    kernelRelease: text('kernel_release').notNull(),
    kernelVersion: text('kernel_version').notNull(),
    buildId: text('build_id'),
    state: text('state').notNull(),
    verdict: text('verdict'),
    priority: integer('priority').notNull().default(0),
    reasons: jsonb('reasons')
      .$type<readonly { readonly code: string; readonly subject: string; readonly found: string }[]>()
      .notNull(),
    requiresUnloaded: list('requires_unloaded'),
    waitingFor: text('waiting_for'),
    /** The job that has begun to test it; several of one kernel may run. */
    testJobId: uuid('test_job_id'),
    functions: integer('functions').notNull().default(0),
    updateId: text('update_id'),
    updateLength: integer('update_length'),
    updateSha256: text('update_sha256'),
    engine: text('engine'),
    /** Of what a worker found out: `factory/detail/SHA256.json`. */
    detailSha256: text('detail_sha256'),
    /** Text of a patch with code that a person wrote. */
    customCode: text('custom_code'),
    /** Of everything that a reviewer sees: `factory/review/SHA256.json`. */
    reviewSha256: text('review_sha256'),
    createdAt: createdAt(),
    changedAt: moment('changed_at').notNull(),
  },
  (table) => [
    unique('factory_candidates_unit').on(table.unitId, table.kernelRelease, table.kernelVersion),
    index('factory_candidates_release').on(table.releaseId, table.state),
    index('factory_candidates_kernel').on(table.organisationId, table.kernelRelease, table.state),
  ],
);

const candidateId = () =>
  uuid('candidate_id')
    .notNull()
    .references(() => factoryCandidates.id, { onDelete: 'cascade' });

export const factoryHistory = pgTable(
  'factory_history',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    candidateId: candidateId(),
    at: createdAt(),
    fromState: text('from_state'),
    toState: text('to_state').notNull(),
    who: text('who').notNull(),
    why: text('why'),
  },
  (table) => [index('factory_history_candidate').on(table.candidateId, table.id)],
);

export const factoryTests = pgTable(
  'factory_tests',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    candidateId: candidateId(),
    at: createdAt(),
    ok: boolean('ok').notNull(),
    problem: text('problem'),
    beside: list('beside'),
    probe: list('probe'),
    updateSha256: text('update_sha256').notNull(),
    log: text('log').notNull(),
  },
  (table) => [index('factory_tests_candidate').on(table.candidateId, table.id)],
);

export const factoryReviews = pgTable(
  'factory_reviews',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    candidateId: candidateId(),
    at: createdAt(),
    userId: uuid('user_id').references(() => users.id, { onDelete: 'set null' }),
    who: text('who').notNull(),
    decision: text('decision', { enum: ['approve', 'send-back', 'refuse'] }).notNull(),
    words: text('words'),
    sha256: text('sha256').notNull(),
  },
  (table) => [index('factory_reviews_candidate').on(table.candidateId, table.id)],
);

export const factoryJobs = pgTable(
  'factory_jobs',
  {
    id: uuid('id').primaryKey(),
    organisationId: organisationId(),
    kind: text('kind', { enum: ['watch', 'split', 'convert', 'join', 'test', 'publish'] }).notNull(),
    state: text('state', { enum: ['waiting', 'running', 'done', 'failed', 'cancelled'] }).notNull(),
    subject: text('subject').notNull(),
    /** What it is about: a watch, a release, a candidate, or a kernel as RELEASE=VERSION. */
    target: text('target').notNull(),
    candidateId: uuid('candidate_id').references(() => factoryCandidates.id, { onDelete: 'cascade' }),
    releaseId: uuid('release_id').references(() => factoryReleases.id, { onDelete: 'cascade' }),
    kernel: text('kernel'),
    priority: integer('priority').notNull().default(0),
    attempt: integer('attempt').notNull().default(0),
    attempts: integer('attempts').notNull(),
    worker: text('worker'),
    /** Of this attempt: what a worker says about a job counts only while it holds it. */
    lease: uuid('lease'),
    leasedUntil: moment('leased_until'),
    runAfter: moment('run_after').notNull(),
    madeAt: createdAt(),
    startedAt: moment('started_at'),
    endedAt: moment('ended_at'),
    stage: text('stage'),
    percent: integer('percent'),
    problem: text('problem'),
    cpuMilliseconds: bigint('cpu_milliseconds', { mode: 'number' }),
  },
  (table) => [
    index('factory_jobs_next').on(table.state, table.priority, table.madeAt),
    index('factory_jobs_target').on(table.organisationId, table.kind, table.target),
    index('factory_jobs_candidate').on(table.candidateId),
    uniqueIndex('factory_jobs_waiting')
      .on(table.organisationId, table.kind, table.target)
      .where(sql`state = 'waiting'`),
  ],
);

/** Log of a job in pieces, so that it can be read while it grows. */
export const factoryJobLogs = pgTable(
  'factory_job_logs',
  {
    jobId: uuid('job_id')
      .notNull()
      .references(() => factoryJobs.id, { onDelete: 'cascade' }),
    position: integer('position').notNull(),
    text: text('text').notNull(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.position] })],
);

export const factoryWorkers = pgTable('factory_workers', {
  name: text('name').primaryKey(),
  startedAt: moment('started_at').notNull(),
  seenAt: moment('seen_at').notNull(),
  kinds: list('kinds'),
  processors: integer('processors').notNull(),
  version: text('version').notNull(),
  done: integer('done').notNull().default(0),
  failed: integer('failed').notNull().default(0),
});

export const factoryPriorities = pgTable(
  'factory_priorities',
  {
    organisationId: organisationId(),
    cve: text('cve').notNull(),
    severity: text('severity', { enum: ['critical', 'high', 'medium', 'low'] }),
    exploited: boolean('exploited').notNull(),
    importedAt: moment('imported_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.organisationId, table.cve] })],
);

export interface LeftOut {
  readonly unit: string;
  readonly why: string;
}

/** One update per kernel and number, with all units that were approved when it was made. */
export const factoryCumulatives = pgTable(
  'factory_cumulatives',
  {
    id: uuid('id').primaryKey(),
    organisationId: organisationId(),
    kernelRelease: text('kernel_release').notNull(),
    kernelVersion: text('kernel_version').notNull(),
    number: integer('number').notNull(),
    updateId: text('update_id').notNull(),
    state: text('state', { enum: ['building', 'published', 'failed'] }).notNull(),
    problem: text('problem'),
    madeAt: createdAt(),
    publishedAt: moment('published_at'),
    /** Ids of candidates. */
    candidates: list('candidates'),
    units: list('units'),
    cves: list('cves'),
    /** Approved units that could not be part of it. */
    leftOut: jsonb('left_out').$type<readonly LeftOut[]>().notNull().default([]),
    length: integer('length'),
    sha256: text('sha256'),
    log: text('log'),
  },
  (table) => [
    unique('factory_cumulatives_number').on(
      table.organisationId,
      table.kernelRelease,
      table.kernelVersion,
      table.number,
    ),
  ],
);
