// The decision alone: every state, every gate, and the rules that must hold whatever machines say.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RolloutSignal, RolloutState } from '@resplice/protocol/console';
import fc from 'fast-check';
import { decideRollout, nextStep, type RolloutPosition } from '../../src/rollout/decide.js';
import { type Evidence, hear, NOBODY, standingOfLevel, type Witness } from '../../src/rollout/evidence.js';
import { listRequired } from '../../src/rollout/stand-in.js';
import type { PublishedUpdate } from '../../src/update/catalogue.js';

const START = new Date('2026-11-25T10:00:00Z');
const hours = (count: number): Date => new Date(START.getTime() + count * 3_600_000);
const RINGS = [
  { name: 'canary', groups: ['test'], percent: 0, waitHours: 24, minMachines: 2 },
  { name: 'early', groups: [], percent: 10, waitHours: 48, minMachines: 5 },
  { name: 'all', groups: [], percent: 100, waitHours: 1, minMachines: 0 },
];
const GATES = { tolerate: 0, toleratePercent: 0, lostIsBad: false };

function at(change: Partial<RolloutPosition> = {}): RolloutPosition {
  const base = { state: 'rolling' as const, ring: 0, ringSince: START, startsAt: START };
  return { ...base, rings: RINGS, gates: GATES, ...change };
}

/** Machines and good ones of each ring. */
function evidence(counts: readonly (readonly [number, number])[], bad = 0): Evidence {
  const signal: RolloutSignal = 'bad-health';
  return {
    rings: RINGS.map((_, ring) => {
      const [machines = 0, good = 0] = counts[ring] ?? [];
      return { ...NOBODY, machines, good };
    }),
    bad,
    signals: Array.from({ length: bad }, (_, index) => ({ signal, machine: `m${index}` })),
  };
}

const decide = (position: RolloutPosition, heard: Evidence, now: Date, withdrawn = false) =>
  decideRollout(position, heard, { now, withdrawn });

describe('a roll-out', () => {
  it('waits for its first moment and then opens the first ring', () => {
    const waiting = at({ state: 'waiting', ring: -1, startsAt: hours(5) });
    assert.deepEqual(decide(waiting, evidence([]), hours(4)), { kind: 'wait', at: hours(5), waitsFor: [] });
    assert.deepEqual(decide(waiting, evidence([]), hours(5)), { kind: 'open', ring: 0 });
  });

  it('opens the next ring when the time is over and enough machines are well, and not before both', () => {
    const well = evidence([[3, 2]]);
    assert.deepEqual(decide(at(), well, hours(23.9)), { kind: 'wait', at: hours(24), waitsFor: [] });
    assert.deepEqual(decide(at(), well, hours(24)), { kind: 'open', ring: 1 });
    const few = decide(at(), evidence([[3, 1]]), hours(1000));
    assert.deepEqual(few, {
      kind: 'wait',
      at: hours(24),
      waitsFor: ['good health on 2 machines of the ring, 1 so far'],
    });
  });

  it('says so when a ring can never have enough machines', () => {
    const step = decide(at(), evidence([[1, 1]]), hours(30));
    assert.match(step.kind === 'wait' ? step.waitsFor.join() : '', /only 1 that it concerns/);
  });

  it('counts for a ring only the machines that are new in it', () => {
    const second = at({ ring: 1 });
    assert.equal(
      decide(
        second,
        evidence([
          [100, 100],
          [50, 4],
        ]),
        hours(100),
      ).kind,
      'wait',
    );
    assert.deepEqual(
      decide(
        second,
        evidence([
          [0, 0],
          [50, 5],
        ]),
        hours(48),
      ),
      { kind: 'open', ring: 2 },
    );
  });

  it('is everywhere after its last ring', () => {
    assert.deepEqual(decide(at({ ring: 2 }), evidence([]), hours(1)), { kind: 'finish' });
    assert.deepEqual(nextStep(2, RINGS), { kind: 'finish' });
    assert.deepEqual(nextStep(-1, RINGS), { kind: 'open', ring: 0 });
  });

  it('is halted by the first machine that speaks against it, before anything is opened', () => {
    const step = decide(at(), evidence([[3, 3]], 1), hours(1000));
    assert.equal(step.kind, 'halt');
    assert.match(
      step.kind === 'halt' ? step.why : '',
      /^1 machine speaks against it \(bad-health\), 0 tolerated, in ring canary/,
    );
  });

  it('bears as many as its gates say: the larger of a number and a share of the open rings', () => {
    const gates = { tolerate: 2, toleratePercent: 10, lostIsBad: false };
    const early = at({ ring: 1, gates });
    assert.equal(
      decide(
        early,
        evidence(
          [
            [10, 10],
            [10, 5],
          ],
          2,
        ),
        hours(1),
      ).kind,
      'wait',
    );
    assert.equal(
      decide(
        early,
        evidence(
          [
            [10, 10],
            [10, 5],
          ],
          3,
        ),
        hours(1),
      ).kind,
      'halt',
    );
    assert.equal(
      decide(
        early,
        evidence(
          [
            [10, 10],
            [90, 5],
            [900, 0],
          ],
          10,
        ),
        hours(1),
      ).kind,
      'wait',
    );
    assert.equal(
      decide(
        early,
        evidence(
          [
            [10, 10],
            [90, 5],
            [900, 0],
          ],
          11,
        ),
        hours(1),
      ).kind,
      'halt',
    );
  });

  it('stays halted, whatever the clock and the machines say', () => {
    const step = decide(at({ state: 'halted' }), evidence([[9, 9]]), hours(10_000));
    assert.deepEqual(step, { kind: 'wait', at: null, waitsFor: ['somebody to resume or withdraw it'] });
  });

  it('ends when all of its updates were withdrawn, in every state', () => {
    for (const state of ['waiting', 'rolling', 'halted', 'everywhere'] as const)
      assert.deepEqual(decide(at({ state }), evidence([], 5), hours(1), true), { kind: 'withdraw' });
    assert.equal(decide(at({ state: 'withdrawn' }), evidence([], 5), hours(1), true).kind, 'wait');
  });

  it('never opens more than the next ring, never while a machine too many speaks against it, never out of a halt', () => {
    const count = fc.nat({ max: 50 });
    fc.assert(
      fc.property(
        fc.constantFrom<RolloutState>('waiting', 'rolling', 'halted', 'everywhere', 'withdrawn'),
        fc.integer({ min: 0, max: 2 }),
        fc.array(fc.tuple(count, count), { minLength: 3, maxLength: 3 }),
        count,
        fc.record({ tolerate: count, toleratePercent: fc.nat({ max: 100 }), lostIsBad: fc.boolean() }),
        fc.integer({ min: -100, max: 1000 }),
        (state, ring, counts, bad, gates, hour) => {
          const position = at({ state, ring: state === 'waiting' ? -1 : ring, gates });
          const heard = evidence(counts, bad);
          const step = decide(position, heard, hours(hour));
          if (step.kind === 'open') assert.equal(step.ring, position.ring + 1);
          if (step.kind === 'open' || step.kind === 'finish') {
            assert.ok(state === 'waiting' || state === 'rolling');
            const open = heard.rings
              .slice(0, position.ring + 1)
              .reduce((sum, each) => sum + each.machines, 0);
            assert.ok(
              state === 'waiting' || bad <= Math.max(gates.tolerate, (open * gates.toleratePercent) / 100),
            );
          }
          // Asked twice, it says the same.
          assert.deepEqual(decide(position, heard, hours(hour)), step);
        },
      ),
    );
  });
});

describe('a machine', () => {
  const witness: Witness = {
    standing: 'applied',
    health: 'good',
    crashLoop: false,
    silent: false,
    told: true,
  };
  const says = (change: Partial<Witness>, lostIsBad = false) => hear({ ...witness, ...change }, lostIsBad);

  it('speaks for updates when it has them and is well, and not while it is watched', () => {
    assert.equal(says({}), 'good');
    assert.equal(says({ health: 'watching' }), 'watching');
    assert.equal(says({ standing: 'pending' }), 'pending');
    assert.equal(says({ standing: 'refused' }), 'refused');
  });

  it('speaks against them with bad health, a failure or a crash loop', () => {
    assert.equal(says({ health: 'bad' }), 'bad-health');
    assert.equal(says({ health: 'bad', standing: 'failed' }), 'bad-health');
    assert.equal(says({ standing: 'failed' }), 'failed');
    // After a crash loop nothing is applied, so nothing is reported as applied.
    assert.equal(says({ standing: 'pending', crashLoop: true }), 'crash-loop');
  });

  it('whose ill health or crash loop has nothing to do with them says nothing', () => {
    assert.equal(says({ standing: 'pending', health: 'bad' }), 'pending');
    assert.equal(says({ standing: 'pending', crashLoop: true, told: false }), 'pending');
  });

  it('that was given them and fell silent is lost, if the plan says so', () => {
    const gone = { standing: 'pending', silent: true } as const;
    assert.equal(says(gone), 'pending');
    assert.equal(says(gone, true), 'lost');
    assert.equal(says({ ...gone, told: false }, true), 'pending');
    assert.equal(says({ silent: true }, true), 'good');
    assert.equal(says({ silent: true, health: 'watching' }, true), 'lost');
  });
});

describe('a patch level', () => {
  const level = (states: Record<string, 'applied' | 'available' | 'refused' | 'failed'>) => ({
    applied: Object.keys(states).filter((id) => states[id] === 'applied'),
    level: {
      id: 1,
      kernelRelease: 'r',
      kernelVersion: 'v',
      buildId: 'b',
      architecture: 'x86_64',
      flavour: 'amd64',
      effectiveRelease: 'r',
      cvesFixed: 0,
      cvesOpen: null,
      updates: Object.entries(states).map(([id, state]) => ({ id, state, engine: 'livepatch' as const })),
    },
  });

  it('has a roll-out applied when all of its updates for the kernel are', () => {
    assert.equal(standingOfLevel(level({ a: 'applied', b: 'applied' }), [['a'], ['b']]), 'applied');
    assert.equal(standingOfLevel(level({ a: 'applied' }), [['a'], ['b']]), 'pending');
    assert.equal(standingOfLevel(level({ a: 'applied', b: 'refused' }), [['a'], ['b']]), 'refused');
    assert.equal(standingOfLevel(level({ a: 'refused', b: 'failed' }), [['a'], ['b']]), 'failed');
    assert.equal(standingOfLevel(level({ other: 'failed' }), [['a']]), 'pending');
    assert.equal(standingOfLevel(level({ a: 'applied' }), []), undefined);
  });

  it('needs the newest cumulative update alone, and one that is newer still is as good', () => {
    const row = (updateId: string, cumulative: PublishedUpdate['cumulative'] = null) =>
      ({ updateId, cumulative }) as PublishedUpdate;
    const published = [
      row('unit_a'),
      row('unit_b'),
      row('cum_1', { number: 1, contains: ['unit_a'] }),
      row('cum_2', { number: 2, contains: ['unit_a', 'unit_b'] }),
      row('cum_3', { number: 3, contains: ['unit_a', 'unit_b'] }),
    ];
    const required = listRequired(published, new Set(['unit_b', 'cum_2']));
    assert.deepEqual(required, [['cum_2', 'cum_3']]);
    assert.equal(standingOfLevel(level({ cum_2: 'applied' }), required), 'applied');
    assert.equal(standingOfLevel(level({ cum_3: 'applied' }), required), 'applied');
    assert.equal(standingOfLevel(level({ cum_1: 'applied' }), required), 'pending');
    assert.deepEqual(listRequired(published, new Set(['unit_b'])), [['unit_b', 'cum_2', 'cum_3']]);
  });
});
