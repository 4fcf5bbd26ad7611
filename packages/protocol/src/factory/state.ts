// The closed lists of the factory. What leads from one state of a candidate to another is in packages/server/src/factory/candidate-state.ts.

import { z } from 'zod';

/** Each state with what it means for a person; docs/factory.md shows the list. */
export const CANDIDATE_STATES = {
  new: 'waits for a worker to make an update of it',
  converting: 'a worker makes an update of it',
  waiting:
    'does not compile or apply without another unit of its release or series; waits for them to be tried as one',
  'not-built': 'nothing that runs changes in this configuration',
  covered: 'this kernel has it already',
  'needs-code': 'no update can be made without code that a person writes',
  refused: 'is not going to be an update; the reasons or words say why',
  cancelled: 'somebody stopped the work on it',
  automatic: 'an update was made; waits for its test',
  testing: 'is applied and undone in a guest',
  'test-failed':
    'the guest, the probe or the kernel log was not content, alone or with the other approved units',
  tested: 'the guest was content',
  'in-review': 'waits for people to decide',
  approved: 'as many people as it takes have approved it; goes into the next cumulative update',
  published: 'is in the newest cumulative update of its kernel',
  withdrawn: 'was taken back; the next cumulative update is without it',
} as const satisfies Readonly<Record<string, string>>;

export type CandidateState = keyof typeof CANDIDATE_STATES;
export const CandidateState = z.enum(Object.keys(CANDIDATE_STATES) as [CandidateState, ...CandidateState[]]);

/**
 * What making an update came to. `with-code`: with custom code that a person wrote. `conditional`: applies only while a module is not loaded.
 */
export const CandidateVerdict = z.enum([
  'automatic',
  'conditional',
  'with-code',
  'needs-code',
  'refused',
  'not-built',
  'no-code-changes',
  'does-not-compile',
]);
export type CandidateVerdict = z.infer<typeof CandidateVerdict>;

export const ReleaseState = z.enum(['noticed', 'splitting', 'ready', 'failed']);
export type ReleaseState = z.infer<typeof ReleaseState>;

/** What a worker is asked to do. */
export const FactoryJobKind = z.enum(['watch', 'split', 'convert', 'join', 'test', 'publish']);
export type FactoryJobKind = z.infer<typeof FactoryJobKind>;

/** `waiting` also after a failure that is tried again, and after a worker died. */
export const FactoryJobState = z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']);
export type FactoryJobState = z.infer<typeof FactoryJobState>;

export const ReviewDecision = z.enum(['approve', 'send-back', 'refuse']);
export type ReviewDecision = z.infer<typeof ReviewDecision>;

/** From the most urgent on. */
export const Severity = z.enum(['critical', 'high', 'medium', 'low']);
export type Severity = z.infer<typeof Severity>;
