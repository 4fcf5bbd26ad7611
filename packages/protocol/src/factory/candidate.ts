// A candidate: one unit of a release for one kernel, with all that a reviewer looks at.

import { z } from 'zod';
import { UpdateId } from '../report.js';
import { CandidateState, CandidateVerdict, ReviewDecision, Severity } from './state.js';

const Moment = z.iso.datetime({ offset: true });
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const Words = z.string().trim().min(1).max(4000);
/** A patch with code for a unit. */
export const MAX_CODE = 200_000;

export const FactoryKernel = z.object({
  release: z.string(),
  version: z.string(),
  /** Null before the first worker has looked at it. */
  buildId: z.string().nullable(),
});
export type FactoryKernel = z.infer<typeof FactoryKernel>;

export const CandidateRow = z.object({
  id: z.uuid(),
  releaseId: z.uuid(),
  unit: z.string(),
  files: z.array(z.string()),
  cves: z.array(z.string()),
  /** The worst of its CVEs, as far as data about them was imported. */
  severity: Severity.nullable(),
  exploited: z.boolean(),
  /** Higher ones are worked on first. */
  priority: z.number(),
  kernel: FactoryKernel,
  state: CandidateState,
  verdict: CandidateVerdict.nullable(),
  /** Code of the first reason. */
  reason: z.string().nullable(),
  functions: z.number(),
  approvals: z.number(),
  changedAt: Moment,
});
export type CandidateRow = z.infer<typeof CandidateRow>;

export const CandidateQuery = z.object({
  release: z.uuid().optional(),
  kernel: z.string().max(100).optional().describe('release of a kernel, or RELEASE=VERSION'),
  state: z
    .string()
    .max(300)
    .optional()
    .transform((text) => text?.split(','))
    .pipe(z.array(CandidateState).optional())
    .describe('one or several, with commas between them'),
  cve: z.string().max(30).optional(),
  q: z.string().max(200).optional().describe('part of a unit name, file or CVE'),
  after: z.string().max(100).optional().describe('`next` of the page before'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export type CandidateQuery = z.infer<typeof CandidateQuery>;

export const CandidatePage = z.object({
  candidates: z.array(CandidateRow),
  total: z.number(),
  next: z.string().nullable(),
});
export type CandidatePage = z.infer<typeof CandidatePage>;

export const CandidateReason = z.object({ code: z.string(), subject: z.string(), found: z.string() });
export type CandidateReason = z.infer<typeof CandidateReason>;

/** One instruction. */
export const CodeLine = z.object({ offset: z.number(), text: z.string() });
export type CodeLine = z.infer<typeof CodeLine>;

export const ReviewedFunction = z.object({
  name: z.string(),
  /** `vmlinux` or a module. */
  object: z.string(),
  source: z.string(),
  /** Why its code changed. */
  why: z.string(),
  /** The shipped code, from the image of the kernel. */
  before: z.array(CodeLine),
  /** The new code, from the module of the update. */
  after: z.array(CodeLine),
  /** Offsets of the first instructions that differ. */
  firstDifference: z.object({ before: z.number(), after: z.number() }).nullable(),
});
export type ReviewedFunction = z.infer<typeof ReviewedFunction>;

export const TypeNote = z.object({
  type: z.string(),
  file: z.string(),
  class: z.string(),
  found: z.string(),
  because: z.string(),
});

export const SectionNote = z.object({
  name: z.string(),
  bytes: z.number(),
  what: z.string(),
});

/** What a worker found out; kept under its content's hash, so the same question is never worked on twice. */
export const ConversionDetail = z.object({
  functions: z.array(ReviewedFunction),
  types: z.array(TypeNote),
  sections: z.array(SectionNote),
  /** Functions and data that only the new code has: `function NAME, N bytes`. */
  added: z.array(z.string()),
  /** What the author of custom code states. */
  statements: z.array(z.string()),
  /** Start of the code that a person has to write; null when none helps or none is needed. */
  skeleton: z.string().nullable(),
});
export type ConversionDetail = z.infer<typeof ConversionDetail>;

export const CandidateTest = z.object({
  id: z.number(),
  at: Moment,
  ok: z.boolean(),
  problem: z.string().nullable(),
  /** Ids of updates that were applied below or beside it. */
  with: z.array(z.string()),
  /** Answers of the unit's probe before, applied and undone; empty without a probe. */
  probe: z.array(z.string()),
  /** Of the update that was tested. */
  sha256: z.string(),
  /** Name of an artefact: what ran in the guest, and its kernel log. */
  log: z.string(),
});
export type CandidateTest = z.infer<typeof CandidateTest>;

export const CandidateReview = z.object({
  id: z.number(),
  at: Moment,
  who: z.string(),
  decision: ReviewDecision,
  words: z.string().nullable(),
  /** What was reviewed: see `reviewSha256`. An approval of something else does not count. */
  sha256: z.string(),
  counts: z.boolean(),
});
export type CandidateReview = z.infer<typeof CandidateReview>;

export const CandidateDetail = CandidateRow.extend({
  release: z.object({ id: z.uuid(), title: z.string(), from: z.string(), to: z.string() }),
  unitDetail: z.object({
    subjects: z.array(z.object({ subject: z.string(), confidence: z.string(), why: z.string() })),
    cves: z.array(
      z.object({ cve: z.string(), subject: z.string(), confidence: z.string(), why: z.string() }),
    ),
    joined: z.array(z.string()).describe('units that do not compile alone and are this one together'),
    diff: z.string(),
  }),
  reasons: z.array(CandidateReason),
  requiresUnloaded: z.array(z.string()),
  /** The unit that this one was joined into. */
  waitingFor: z.string().nullable(),
  detail: ConversionDetail.nullable(),
  update: z
    .object({
      id: UpdateId,
      length: z.number(),
      sha256: Sha256,
      engine: z.string(),
      artefact: z.string().describe('name of the artefact'),
    })
    .nullable(),
  customCode: z.string().nullable(),
  probe: z.string().nullable().describe('a shell script; exit status 0 says safe, 1 exposed'),
  /** Of all that a reviewer sees; null when there is nothing to decide. An approval names it. */
  reviewSha256: Sha256.nullable(),
  approvalsNeeded: z.number(),
  tests: z.array(CandidateTest),
  reviews: z.array(CandidateReview),
  history: z.array(
    z.object({
      at: Moment,
      from: CandidateState.nullable(),
      to: CandidateState,
      who: z.string(),
      why: z.string().nullable(),
    }),
  ),
  /** What may be done now. */
  actions: z.array(
    z.enum(['approve', 'send-back', 'refuse', 'custom-code', 'probe', 'retry', 'cancel', 'withdraw']),
  ),
});
export type CandidateDetail = z.infer<typeof CandidateDetail>;

export const ApproveRequest = z.object({ sha256: Sha256, words: Words.optional() });
export const WordsRequest = z.object({ words: Words });
/** Null takes it away. */
export const CustomCodeRequest = z.object({ patch: z.string().min(1).max(MAX_CODE).nullable() });
export const ProbeRequest = z.object({ script: z.string().min(1).max(64_000).nullable() });
