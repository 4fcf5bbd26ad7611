import assert from 'node:assert/strict';
import { test } from 'node:test';
import { desiredStateOf } from '../../src/update/desired-state.js';

const machine = {
  id: 'm',
  group: null,
  state: 'active',
  mode: null,
  ring: 3,
  reported: [] as string[],
} as const;
const release = (rollouts: Record<string, { ring: number; withdrawn: boolean }>, defaultRing = 9) => ({
  published: ['a', 'b'],
  rollouts: new Map(Object.entries(rollouts)),
  defaultRing,
});

test('everything, when nobody decided otherwise', () => {
  assert.deepEqual(desiredStateOf(machine, release({})), {
    mode: null,
    updates: 'all',
    except: [],
    remove: [],
  });
});

test('an update that is not released to the ring yet is left out', () => {
  const held = release({ a: { ring: 2, withdrawn: false }, b: { ring: 3, withdrawn: false } });
  assert.deepEqual(desiredStateOf(machine, held).except, ['a']);
  assert.deepEqual(desiredStateOf(machine, release({}, -1)).except, ['a', 'b']);
});

test('a withdrawn update is removed, also when it is no longer published, and only where it can be', () => {
  const withdrawn = { ring: 9, withdrawn: true };
  const state = release({ a: withdrawn, gone: withdrawn, elsewhere: withdrawn });
  const desired = desiredStateOf({ ...machine, reported: ['gone'] }, state);
  assert.deepEqual(desired, { mode: null, updates: 'all', except: [], remove: ['a', 'gone'] });
});

test('a machine that is not active is given nothing to do', () => {
  for (const state of ['pending', 'denied'] as const)
    assert.deepEqual(desiredStateOf({ ...machine, state, mode: 'install' }, release({})), {
      mode: 'off',
      updates: [],
      except: [],
      remove: [],
    });
});

test('the protocol and the manifest of an update agree on what an id is', async () => {
  const { UpdateId } = await import('@resplice/update');
  const protocol = await import('@resplice/protocol');
  for (const id of ['fix_1', 'a', 'abcd', 'A123', '_abc', 'a-bc', 'x'.repeat(40), 'x'.repeat(41)])
    assert.equal(protocol.UpdateId.safeParse(id).success, UpdateId.safeParse(id).success, id);
});
