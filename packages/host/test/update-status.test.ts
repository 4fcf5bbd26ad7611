import assert from 'node:assert';
import { test } from 'node:test';
import { applyUpdate } from '../src/apply.js';
import { decideState, listUpdates, showUpdate } from '../src/update-status.js';
import { makeMachine, makeObject, makeUpdate } from './fake/situation.js';

test('lists updates in the order in which they were loaded, then those only recorded', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, makeUpdate('fix_two'));
  await applyUpdate(machine, makeUpdate('fix_one', { requires: ['fix_two'] }));
  machine.state.write('a_gone.splice', Buffer.from('x'));
  const list = listUpdates(machine);
  assert.deepEqual(
    list.map(({ id, state, archive }) => [id, state, archive]),
    [
      ['fix_two', 'applied', true],
      ['fix_one', 'applied', true],
      ['a_gone', 'interrupted', true],
    ],
  );
  assert.equal(list[1]?.description, 'the fix fix_one');
  assert.deepEqual(list[1]?.cves, ['CVE-2026-53236']);
  assert.deepEqual(list[1]?.requires, ['fix_two']);
  assert.match(list[1]?.since ?? '', /^2026-01-01T00:00:/);
});

test('lists an update of which no record is left, and leaves out what is not ours', () => {
  const machine = makeMachine();
  machine.load('resplice_fix_one');
  machine.loadable.set('kpatch_7', new Map([['vmlinux', ['other,1']]]));
  machine.load('kpatch_7');
  machine.pass(2000);
  machine.state.write('notes.txt', Buffer.from('x'));
  const list = listUpdates(machine);
  assert.deepEqual(
    list.map(({ id, state, description }) => [id, state, description]),
    [['fix_one', 'applied', undefined]],
  );
});

test('lists an update with a damaged record without its description', () => {
  const machine = makeMachine();
  machine.load('resplice_fix_one');
  machine.pass(2000);
  machine.state.write('fix_one.json', Buffer.from('{"format":1,'));
  assert.deepEqual(
    listUpdates(machine).map(({ state, description }) => [state, description]),
    [['applied', undefined]],
  );
});

test('says that somebody else removed an update', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, makeUpdate('fix_one'));
  machine.modules = [];
  const [status] = listUpdates(machine);
  assert.equal(status?.state, 'interrupted');
  assert.match(status?.detail ?? '', /somebody removed it without resplice/);
});

test('shows what the kernel patches, object by object, and the archive', async () => {
  const machine = makeMachine();
  const update = makeUpdate('fix_one', {
    objects: [
      ...makeUpdate('fix_one').manifest.objects,
      makeObject('dummy', [{ name: 'dummy_xmit', address: null, code: Uint8Array.of(0xc3) }]),
    ],
  });
  machine.loadable.set(
    'resplice_fix_one',
    new Map([
      ['vmlinux', ['sock_wfree,1', 'init_once,2']],
      ['dummy', ['dummy_xmit,1']],
    ]),
  );
  await applyUpdate(machine, update);
  const details = showUpdate(machine, 'fix_one');
  assert.equal(details?.status.state, 'applied');
  assert.deepEqual(details?.archive, update.archive);
  assert.deepEqual(details?.objects, [
    {
      name: 'vmlinux',
      patched: true,
      functions: [
        { name: 'sock_wfree', rank: 1 },
        { name: 'init_once', rank: 2 },
      ],
    },
    { name: 'dummy', patched: false, functions: [{ name: 'dummy_xmit', rank: 1 }] },
  ]);
});

test('shows nothing for an id that nobody knows', () => {
  assert.equal(showUpdate(makeMachine(), 'unknown'), undefined);
});

test('decides the state from the kernel', () => {
  const live = { name: 'm', state: 'live', references: 0 } as const;
  assert.equal(decideState({ enabled: true, transition: false }, live), 'applied');
  assert.equal(decideState({ enabled: true, transition: true }, live), 'applying');
  assert.equal(decideState({ enabled: false, transition: true }, live), 'undoing');
  assert.equal(decideState({ enabled: false, transition: false }, live), 'loaded-disabled');
  assert.equal(decideState(undefined, live), 'loaded-disabled');
  assert.equal(decideState(undefined, { name: 'm', state: 'loading', references: 0 }), 'applying');
  assert.equal(
    decideState({ enabled: false, transition: true }, { name: 'm', state: 'loading', references: 0 }),
    'applying',
  );
  assert.equal(decideState(undefined, undefined), 'interrupted');
});
