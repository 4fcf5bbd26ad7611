import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AvailableUpdate } from '@resplice/update/repository';
import type { Outcome } from '../../src/state/outcome-list.js';
import { chooseAutomatic, chooseUpdates } from '../../src/upgrade/choice.js';

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
  const wishes = { ids: [], desired: undefined, outcomes, automatic: false };
  const { refused } = chooseUpdates(available, wishes);
  assert.deepEqual(
    [...refused].map(([id, [reason]]) => [id, reason?.code]),
    [['fix_1', 'kernel-complained']],
  );
  assert.deepEqual([...chooseUpdates(available, { ...wishes, ids: ['fix_1'] }).refused.keys()], []);
});

test('the timer does the more cautious of what the configuration and the server say', () => {
  assert.equal(chooseAutomatic(undefined, undefined), 'notify');
  assert.equal(chooseAutomatic(undefined, 'install'), 'install');
  assert.equal(chooseAutomatic('install', null), 'install');
  assert.equal(chooseAutomatic('off', 'install'), 'off');
  assert.equal(chooseAutomatic('install', 'notify'), 'notify');
});
