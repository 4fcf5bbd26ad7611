// The table of transitions, asked for everything: all states, all events, and every way through them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CANDIDATE_STATES, type CandidateState } from '@resplice/protocol/factory';
import { type CandidateEvent, nextState, TRANSITIONS, UNSETTLED } from '../../src/factory/candidate-state.js';

const STATES = Object.keys(CANDIDATE_STATES) as CandidateState[];
const EVENTS = [...new Set(STATES.flatMap((state) => Object.keys(TRANSITIONS[state]) as CandidateEvent[]))];

/** States that can be reached from one without any of these events. */
function reach(from: CandidateState, without: readonly CandidateEvent[]): ReadonlySet<CandidateState> {
  const seen = new Set<CandidateState>([from]);
  for (const state of seen)
    for (const event of EVENTS) {
      const next = without.includes(event) ? undefined : nextState(state, event);
      if (next !== undefined) seen.add(next);
    }
  return seen;
}

describe('a candidate', () => {
  it('can come into every state', () => {
    assert.deepEqual([...reach('new', [])].sort(), [...STATES].sort());
  });

  it('is published only after a conversion, a test that passed and an approval', () => {
    for (const needed of ['begin-conversion', 'found-automatic', 'begin-test', 'passed', 'approved'] as const)
      assert.ok(!reach('new', [needed]).has('published'), needed);
  });

  it('needs a new approval whatever happens to it after one, except to be published', () => {
    for (const [event, next] of Object.entries(TRANSITIONS.approved))
      if (event !== 'published') assert.ok(!reach(next, ['approved']).has('published'), event);
  });

  it('cannot be approved before it was made and tested anew once its code or probe was changed', () => {
    for (const state of STATES)
      for (const event of ['change-code', 'change-probe', 'retry'] as const) {
        const next = nextState(state, event);
        if (next !== undefined) assert.ok(!reach(next, ['passed']).has('approved'), `${state} ${event}`);
      }
  });

  it('is taken back or left out once it is with machines, and in no other way changed', () => {
    for (const state of ['approved', 'published'] as const)
      assert.deepEqual(Object.keys(TRANSITIONS[state]).sort(), ['left-out', 'published', 'withdraw']);
  });

  it('ends every work on it with an answer or begins it anew, whoever was killed', () => {
    for (const [state, begin] of [
      ['converting', 'begin-conversion'],
      ['testing', 'begin-test'],
    ] as const)
      assert.equal(nextState(state, begin), state);
    for (const state of UNSETTLED) assert.ok(Object.keys(TRANSITIONS[state]).length > 0, state);
  });

  it('has no event that leads nowhere and no state without a way on', () => {
    for (const state of STATES) {
      assert.ok(Object.keys(TRANSITIONS[state]).length > 0, state);
      for (const event of Object.keys(TRANSITIONS[state]) as CandidateEvent[])
        assert.ok(STATES.includes(nextState(state, event) as CandidateState), `${state} ${event}`);
    }
  });
});
