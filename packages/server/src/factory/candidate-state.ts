// What may become of a candidate, as a table: state → event → next state. Whatever is not in it cannot happen, whoever asks. Workers,
// people and the clock only name events; a worker that repeats its work after somebody was killed names the same ones again, so the
// events of workers lead from the states in which their work is under way back into themselves.

import type { CandidateState } from '@resplice/protocol/factory';

export type CandidateEvent =
  // A worker's.
  | 'begin-conversion'
  | 'found-automatic'
  | 'found-needs-code'
  | 'found-refused'
  | 'found-not-built'
  | 'found-incomplete'
  | 'found-covered'
  | 'joined'
  | 'begin-test'
  | 'test-again'
  | 'passed'
  | 'not-passed'
  | 'ready-for-review'
  | 'published'
  | 'left-out'
  // People's.
  | 'approved'
  | 'send-back'
  | 'refuse'
  | 'change-code'
  | 'change-probe'
  | 'retry'
  | 'cancel'
  | 'withdraw';

type Moves = Readonly<Partial<Record<CandidateEvent, CandidateState>>>;

/** From every state in which nobody works on it and it is not with machines. */
const AGAIN: Moves = { retry: 'new', 'change-code': 'new' };
/** Another unit of the release needs it, and the two are tried as one. */
const JOINED: Moves = { joined: 'waiting' };
/** A probe is run with the next test. */
const PROBE_LATER = (state: CandidateState): Moves => ({ 'change-probe': state });

export const TRANSITIONS: Readonly<Record<CandidateState, Moves>> = {
  new: {
    'begin-conversion': 'converting',
    'found-covered': 'covered',
    cancel: 'cancelled',
    'change-code': 'new',
    ...PROBE_LATER('new'),
    ...JOINED,
  },
  converting: {
    'begin-conversion': 'converting',
    'found-automatic': 'automatic',
    'found-needs-code': 'needs-code',
    'found-refused': 'refused',
    'found-not-built': 'not-built',
    'found-incomplete': 'waiting',
    'found-covered': 'covered',
    // The work failed for a reason that says nothing about the candidate.
    retry: 'new',
    cancel: 'cancelled',
  },
  waiting: { ...AGAIN, ...JOINED, 'found-needs-code': 'needs-code', refuse: 'refused' },
  'not-built': { retry: 'new', ...JOINED },
  covered: { retry: 'new' },
  'needs-code': { ...AGAIN, refuse: 'refused', ...PROBE_LATER('needs-code'), ...JOINED },
  refused: { ...AGAIN, ...JOINED },
  cancelled: { ...AGAIN, ...JOINED },
  automatic: {
    'begin-test': 'testing',
    cancel: 'cancelled',
    refuse: 'refused',
    'change-probe': 'automatic',
    ...AGAIN,
    ...JOINED,
  },
  testing: {
    'begin-test': 'testing',
    'test-again': 'automatic',
    passed: 'tested',
    'not-passed': 'test-failed',
    cancel: 'cancelled',
  },
  'test-failed': {
    ...AGAIN,
    'test-again': 'automatic',
    refuse: 'refused',
    'change-probe': 'automatic',
    ...JOINED,
  },
  tested: { 'ready-for-review': 'in-review' },
  'in-review': {
    approved: 'approved',
    'send-back': 'needs-code',
    refuse: 'refused',
    'change-probe': 'automatic',
    'test-again': 'automatic',
    ...AGAIN,
    ...JOINED,
  },
  approved: { published: 'published', withdraw: 'withdrawn', 'left-out': 'test-failed' },
  published: { published: 'published', withdraw: 'withdrawn', 'left-out': 'test-failed' },
  withdrawn: AGAIN,
};

/** Undefined when the event cannot happen in this state. */
export function nextState(state: CandidateState, event: CandidateEvent): CandidateState | undefined {
  return TRANSITIONS[state][event];
}

/** States in which somebody, a worker or a person, still has something to do before the candidate can be published. */
export const UNSETTLED: readonly CandidateState[] = ['new', 'converting', 'automatic', 'testing', 'tested'];
