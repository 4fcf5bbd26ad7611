// Releases that were noticed, and what their units have come to.

import { z } from 'zod';
import { CandidateState, ReleaseState, Severity } from './state.js';

const Moment = z.iso.datetime({ offset: true });
const Version = z
  .string()
  .regex(/^[0-9][A-Za-z0-9.+~:-]{0,99}$/, 'is no version of a package, such as 6.1.170-3');
/** `6.1.0-47-amd64`, or with its version as `6.1.0-47-amd64=6.1.170-3`. */
export const KernelSpec = z
  .string()
  .regex(/^[0-9][A-Za-z0-9.+~_-]{0,99}(?:=[0-9][A-Za-z0-9.+~:-]{0,99})?$/, 'is no kernel');

/**
 * Which part of a release is wanted: names of units, paths of files, paths that end in `/` for all below them, CVEs.
 */
const Only = z.array(z.string().min(1).max(300)).min(1).max(5000);

export const Watch = z.object({
  id: z.uuid(),
  kind: z.enum(['apt', 'git']),
  /** `6.1`: only versions of this branch; null for all. Of a git repository: the branch or tag pattern. */
  branch: z.string().nullable(),
  /** `amd64`, `cloud-amd64`, `rt-amd64`; empty for every flavour that machines run. */
  flavours: z.array(z.string()),
  /** Kernels that get updates though no machine runs them. */
  kernels: z.array(z.string()),
  /** Of `git`. */
  repository: z.string().nullable(),
  only: Only.nullable(),
  /** Newer versions are left alone. */
  upTo: z.string().nullable(),
  everyMinutes: z.number().int(),
  checkedAt: Moment.nullable(),
  /** Why the last check did not work; null when it did. */
  problem: z.string().nullable(),
  /** What was on offer at the last check. */
  seen: z.array(z.string()),
});
export type Watch = z.infer<typeof Watch>;

export const WatchRequest = z
  .object({
    kind: z.enum(['apt', 'git']).default('apt'),
    branch: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._/*-]{0,99}$/)
      .nullable()
      .default(null),
    flavours: z
      .array(z.string().regex(/^[a-z][a-z0-9-]{0,39}$/))
      .max(20)
      .default([]),
    kernels: z.array(KernelSpec).max(100).default([]),
    repository: z.string().min(1).max(500).nullable().default(null),
    only: Only.nullable().default(null),
    upTo: Version.nullable().default(null),
    everyMinutes: z.number().int().min(5).max(10_080).default(60),
  })
  .refine(
    ({ kind, repository }) => (kind === 'git') === (repository !== null),
    'git needs a repository, apt none',
  )
  .refine(
    ({ kind, kernels }) => kind === 'apt' || kernels.length > 0,
    'a git repository needs the kernels that its patches are for',
  )
  .refine(({ kind, upTo }) => kind === 'apt' || upTo === null, 'upTo is a version that apt offers');
export type WatchRequest = z.infer<typeof WatchRequest>;

/** One of three: a pair of versions, commits of a git repository on the worker's machine, or the text of patches. */
export const ReleaseRequest = z.union([
  z.object({
    from: Version,
    to: Version,
    /** Left out: the kernels of version `from` that machines run. */
    kernels: z.array(KernelSpec).min(1).max(100).optional(),
    /** Everything when left out. */
    only: Only.optional(),
  }),
  z.object({
    title: z.string().trim().min(1).max(200),
    kernels: z.array(KernelSpec).min(1).max(100),
    git: z.object({ repository: z.string().min(1).max(500), range: z.string().min(1).max(200) }),
  }),
  z.object({
    title: z.string().trim().min(1).max(200),
    kernels: z.array(KernelSpec).min(1).max(100),
    /** Each a unified diff or a mail of `git format-patch`, and a unit of its own. */
    patches: z
      .array(z.object({ name: z.string().min(1).max(200), text: z.string().min(1) }))
      .min(1)
      .max(500),
  }),
]);
export type ReleaseRequest = z.infer<typeof ReleaseRequest>;

/** Candidates by state; states with none are left out. */
export const StateCounts = z.partialRecord(CandidateState, z.number());
export type StateCounts = z.infer<typeof StateCounts>;

export const Release = z.object({
  id: z.uuid(),
  source: z.enum(['debian', 'git', 'series']),
  title: z.string(),
  /** Empty when it is no pair of versions. */
  from: z.string(),
  to: z.string(),
  state: ReleaseState,
  problem: z.string().nullable(),
  /** When a watch first found it on offer; null when somebody asked for it. */
  offeredAt: Moment.nullable(),
  noticedAt: Moment,
  splitAt: Moment.nullable(),
  /** When all of its candidates were ready for review, or for code, for the first time. */
  settledAt: Moment.nullable(),
  /** From when it was offered (asked for) to then; null before. */
  secondsToReview: z.number().nullable(),
  kernels: z.array(z.object({ release: z.string(), version: z.string(), counts: StateCounts })),
  units: z.number(),
  counts: StateCounts,
  cves: z.number(),
});
export type Release = z.infer<typeof Release>;

export const CveRow = z.object({
  cve: z.string(),
  severity: Severity.nullable(),
  exploited: z.boolean(),
  /** What it says it is about, in the changelog. */
  subject: z.string(),
  /** How sure it is that these units are its fix. */
  confidence: z.enum(['certain', 'likely', 'possible']).nullable(),
  units: z.array(z.string()),
  /** One for each candidate that the CVE is tied to. */
  candidates: z.array(
    z.object({
      id: z.uuid(),
      unit: z.string(),
      kernel: z.string().describe('RELEASE=VERSION'),
      state: CandidateState,
      reason: z.string().nullable().describe('code of the first reason'),
    }),
  ),
});
export type CveRow = z.infer<typeof CveRow>;

export const ReleaseDetail = Release.extend({
  cveTable: z.array(CveRow),
  /** Numbers of the changelog that are tied to no unit. */
  untiedCves: z.array(z.string()),
  only: z.array(z.string()).nullable(),
});
export type ReleaseDetail = z.infer<typeof ReleaseDetail>;
