import { z } from 'zod';
import { FactoryJobKind, FactoryJobState, Severity } from './state.js';

const Moment = z.iso.datetime({ offset: true });

export const FactoryJob = z.object({
  id: z.uuid(),
  kind: FactoryJobKind,
  state: FactoryJobState,
  /** For people: the unit, release or kernel. */
  subject: z.string(),
  candidateId: z.uuid().nullable(),
  releaseId: z.uuid().nullable(),
  kernel: z.string().nullable().describe('RELEASE=VERSION'),
  priority: z.number(),
  attempt: z.number().describe('0 before the first'),
  attempts: z.number().describe('so many are made'),
  /** Who works on it, or did last. */
  worker: z.string().nullable(),
  /** When somebody else takes it, should its worker fall silent. */
  leasedUntil: Moment.nullable(),
  /** Not before. */
  runAfter: Moment,
  madeAt: Moment,
  startedAt: Moment.nullable(),
  endedAt: Moment.nullable(),
  /** What it is doing, 0 to 100 as far as that is known. */
  progress: z.object({ stage: z.string(), percent: z.number().nullable() }).nullable(),
  problem: z.string().nullable(),
  /** What it took on the worker's processors, compilers and guests included; null before the end. */
  cpuMilliseconds: z.number().nullable(),
});
export type FactoryJob = z.infer<typeof FactoryJob>;

export const JobQuery = z.object({
  state: FactoryJobState.optional(),
  kind: FactoryJobKind.optional(),
  release: z.uuid().optional(),
  candidate: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export type JobQuery = z.infer<typeof JobQuery>;

export const JobList = z.object({
  jobs: z.array(FactoryJob),
  counts: z.partialRecord(FactoryJobState, z.number()),
});
export type JobList = z.infer<typeof JobList>;

/** From `from` on; `next` is where to go on, and `ended` says that nothing follows. */
export const JobLog = z.object({ text: z.string(), next: z.number(), ended: z.boolean() });
export type JobLog = z.infer<typeof JobLog>;

export const FactoryWorker = z.object({
  name: z.string(),
  startedAt: Moment,
  seenAt: Moment,
  alive: z.boolean(),
  /** Kinds of jobs it takes. */
  kinds: z.array(FactoryJobKind),
  processors: z.number(),
  version: z.string(),
  running: z.array(z.object({ id: z.uuid(), kind: FactoryJobKind, subject: z.string() })),
  done: z.number(),
  failed: z.number(),
});
export type FactoryWorker = z.infer<typeof FactoryWorker>;

export const Priority = z.object({
  cve: z.string().regex(/^CVE-\d{4}-\d{4,}$/),
  severity: Severity.nullable(),
  exploited: z.boolean(),
});
export type Priority = z.infer<typeof Priority>;

/** The text of a file: CSV with the columns cve, severity, exploited; the JSON of CISA's KEV catalogue; JSON of NVD's API 2.0. */
export const PriorityImport = z.object({ text: z.string().min(1) });
export const PriorityImported = z.object({
  imported: z.number(),
  /** Candidates whose place in the queue changed. */
  moved: z.number(),
});

export type PriorityImported = z.infer<typeof PriorityImported>;

export const Cumulative = z.object({
  id: z.uuid(),
  kernel: z.object({ release: z.string(), version: z.string() }),
  number: z.number(),
  updateId: z.string(),
  state: z.enum(['building', 'published', 'failed']),
  problem: z.string().nullable(),
  madeAt: Moment,
  publishedAt: Moment.nullable(),
  units: z.array(z.string()),
  cves: z.array(z.string()),
  leftOut: z
    .array(z.object({ unit: z.string(), why: z.string() }))
    .describe('approved, and in the way of the rest'),
  length: z.number().nullable(),
  sha256: z.string().nullable(),
});
export type Cumulative = z.infer<typeof Cumulative>;

/** Left out: every kernel with something approved or withdrawn since its last cumulative update. */
export const PublishRequest = z.object({ kernels: z.array(z.string().max(200)).min(1).max(100).optional() });
