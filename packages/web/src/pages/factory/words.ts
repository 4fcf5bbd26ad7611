// What the states of candidates and jobs are called, and how urgent a CVE is.

import type { CandidateState, FactoryJob, Release, Severity } from '@resplice/protocol/factory';
import type { Tone } from '../../ui/pill.js';

/** Text, tone, meaning. The meanings are those of the protocol's list, as a person says them. */
export const CANDIDATE: Readonly<Record<CandidateState, readonly [string, Tone, string]>> = {
  new: ['New', 'quiet', 'waits for a worker to make an update of it'],
  converting: ['Converting', 'info', 'a worker makes an update of it'],
  waiting: [
    'Waiting for a unit',
    'quiet',
    'does not compile or apply without another unit of its release or series',
  ],
  'not-built': ['Not built', 'quiet', 'nothing that runs changes in this configuration'],
  covered: ['Covered', 'quiet', 'this kernel has it already'],
  'needs-code': ['Needs code', 'warn', 'no update can be made without code that a person writes'],
  refused: ['Refused', 'bad', 'is not going to be an update'],
  cancelled: ['Cancelled', 'quiet', 'somebody stopped the work on it'],
  automatic: ['Automatic', 'info', 'an update was made; waits for its test'],
  testing: ['Testing', 'info', 'is applied and undone in a guest'],
  'test-failed': ['Test failed', 'bad', 'the guest was not content, alone or with the other approved units'],
  tested: ['Tested', 'info', 'the guest was content'],
  'in-review': ['In review', 'warn', 'waits for people to decide'],
  approved: ['Approved', 'good', 'goes into the next cumulative update'],
  published: ['Published', 'good', 'is in the newest cumulative update of its kernel'],
  withdrawn: ['Withdrawn', 'bad', 'was taken back; the next cumulative update is without it'],
};

export const STATES = Object.keys(CANDIDATE) as readonly CandidateState[];

/** In the order in which a person looks at them. */
export const BOARD: readonly CandidateState[] = [
  'in-review',
  'needs-code',
  'test-failed',
  'refused',
  'converting',
  'new',
  'waiting',
  'automatic',
  'testing',
  'tested',
  'approved',
  'published',
  'withdrawn',
  'covered',
  'not-built',
  'cancelled',
];

export const SEVERITY: Readonly<Record<Severity, Tone>> = {
  critical: 'bad',
  high: 'bad',
  medium: 'warn',
  low: 'quiet',
};

export const JOB: Readonly<Record<FactoryJob['state'], readonly [string, Tone]>> = {
  running: ['Running', 'info'],
  waiting: ['Waiting', 'quiet'],
  done: ['Done', 'good'],
  failed: ['Failed', 'bad'],
  cancelled: ['Cancelled', 'quiet'],
};

export const KIND: Readonly<Record<FactoryJob['kind'], string>> = {
  watch: 'Look for releases',
  split: 'Split into units',
  convert: 'Convert',
  join: 'Try units as one',
  test: 'Test in a guest',
  publish: 'Publish',
};

export const RELEASE: Readonly<Record<Release['state'], readonly [string, Tone]>> = {
  noticed: ['Noticed', 'quiet'],
  splitting: ['Splitting', 'info'],
  ready: ['Split', 'good'],
  failed: ['Failed', 'bad'],
};

export function durationOf(from: string | null, to: string | null): number | undefined {
  if (from === null) return undefined;
  return (new Date(to ?? Date.now()).getTime() - new Date(from).getTime()) / 1000;
}

/** As the API names a kernel. */
export function kernelText({
  release,
  version,
}: {
  readonly release: string;
  readonly version: string;
}): string {
  return `${release}=${version}`;
}
