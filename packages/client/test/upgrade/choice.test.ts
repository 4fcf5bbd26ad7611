import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AvailableUpdate } from '@resplice/update/repository';
import type { Outcome } from '../../src/state/outcome-list.js';
import { chooseAutomatic, chooseUpdates, findOpening } from '../../src/upgrade/choice.js';

const available = ['fix_1', 'fix_2', 'fix_3'].map(
  (id) => ({ info: { id, requires: [] } }) as unknown as AvailableUpdate,
);
const everything = { mode: null, updates: 'all' as const, except: [], remove: [] };
const outcome = (id: string, state: Outcome['state']): Outcome => ({
  id,
  state,
  reasons: [],
  since: '2026-11-01',
});
const chosen = (wishes: Partial<Parameters<typeof chooseUpdates>[1]>) =>
  chooseUpdates(available, {
    ids: [],
    desired: undefined,
    outcomes: [],
    automatic: false,
    now: new Date('2026-11-25T12:00:00Z'),
    ...wishes,
  }).chosen.map(({ info }) => info.id);

test('without a server, all that the repository has', () => {
  assert.deepEqual(chosen({}), ['fix_1', 'fix_2', 'fix_3']);
});

test('the server leaves out and takes back, and an id that the repository does not have is nothing', () => {
  assert.deepEqual(chosen({ desired: { ...everything, except: ['fix_2'] } }), ['fix_1', 'fix_3']);
  assert.deepEqual(chosen({ desired: { ...everything, updates: ['fix_3', 'fix_9'] } }), ['fix_3']);
  assert.deepEqual(chosen({ desired: { ...everything, remove: ['fix_1'] } }), ['fix_2', 'fix_3']);
});

test('what is named on the command line wins over the server, and must exist', () => {
  assert.deepEqual(chosen({ ids: ['fix_1'], desired: { ...everything, remove: ['fix_1'] } }), ['fix_1']);
  assert.throws(() => chosen({ ids: ['fix_9'] }), { code: 'no-such-update' });
});

test('the timer does not bring back what an administrator removed, a command by hand does', () => {
  const outcomes = [outcome('fix_1', 'removed')];
  assert.deepEqual(chosen({ outcomes, automatic: true }), ['fix_2', 'fix_3']);
  assert.deepEqual(chosen({ outcomes }), ['fix_1', 'fix_2', 'fix_3']);
});

test('what harmed the kernel is refused, unless it is asked for by name', () => {
  const outcomes = [outcome('fix_1', 'harmful')];
  const wishes = { ids: [], desired: undefined, outcomes, automatic: false, now: new Date() };
  const { refused } = chooseUpdates(available, wishes);
  assert.deepEqual(
    [...refused].map(([id, [reason]]) => [id, reason?.code]),
    [['fix_1', 'kernel-complained']],
  );
  assert.deepEqual([...chooseUpdates(available, { ...wishes, ids: ['fix_1'] }).refused.keys()], []);
});

test('the timer applies nothing outside the windows of the server, and a command by hand does', () => {
  const windows = [
    { from: '2026-11-25T20:00:00Z', to: '2026-11-25T22:00:00Z' },
    { from: '2026-11-24T20:00:00+02:00', to: '2026-11-24T22:00:00+02:00' },
  ];
  const desired = { ...everything, windows };
  const at = (time: string) => new Date(`2026-11-25T${time}Z`);
  assert.deepEqual(chosen({ desired, automatic: true }), []);
  assert.deepEqual(chosen({ desired }), ['fix_1', 'fix_2', 'fix_3']);
  assert.deepEqual(chosen({ desired, automatic: true, now: at('20:00:00') }), ['fix_1', 'fix_2', 'fix_3']);
  assert.deepEqual(chosen({ desired, automatic: true, now: at('22:00:00') }), []);
  assert.equal(findOpening(desired, at('12:00:00')), '2026-11-25T20:00:00Z');
  assert.equal(findOpening(desired, at('21:00:00')), undefined);
  // The server was silent for too long: better late than in the middle of the day.
  assert.equal(findOpening(desired, at('23:00:00')), null);
  assert.equal(findOpening(everything, at('12:00:00')), undefined);
});

test('the timer does the more cautious of what the configuration and the server say', () => {
  assert.equal(chooseAutomatic(undefined, undefined), 'notify');
  assert.equal(chooseAutomatic(undefined, 'install'), 'install');
  assert.equal(chooseAutomatic('install', null), 'install');
  assert.equal(chooseAutomatic('off', 'install'), 'off');
  assert.equal(chooseAutomatic('install', 'notify'), 'notify');
});

test('the newest cumulative update that the machine may have takes the place of its parts and of those before', () => {
  const offer = [
    { id: 'fix_1' },
    { id: 'cum_1', cumulative: { number: 1, contains: ['fix_1'] } },
    { id: 'cum_2', cumulative: { number: 2, contains: ['fix_1', 'fix_2'] } },
    { id: 'fix_2' },
    { id: 'fix_3' },
  ].map((info) => ({ info: { ...info, requires: [] } }) as unknown as AvailableUpdate);
  const wishes = { ids: [], desired: undefined, outcomes: [], automatic: true, now: new Date() };
  const choose = (change: Partial<Parameters<typeof chooseUpdates>[1]>) =>
    chooseUpdates(offer, { ...wishes, ...change }).chosen.map(({ info }) => info.id);
  assert.deepEqual(choose({}), ['cum_2', 'fix_3']);
  // Its ring comes later: it keeps the one before, and gets nothing that only the newest one has.
  assert.deepEqual(choose({ desired: { ...everything, except: ['cum_2'] } }), ['cum_1', 'fix_3']);
  assert.deepEqual(choose({ ids: ['fix_2'] }), ['fix_2']);
});
