// Commands killed at every single moment. After each: the list tells what the kernel has, apply brings the update to applied,
// undo brings it to nothing. Also leftovers of one update in the way of another.

import assert from 'node:assert';
import { test } from 'node:test';
import { applyUpdate } from '../src/apply.js';
import { recoverUpdates } from '../src/recovery.js';
import { undoUpdate } from '../src/undo.js';
import { listUpdates } from '../src/update-status.js';
import type { FakeMachine } from './fake/fake-machine.js';
import { makeMachine, makeUpdate } from './fake/situation.js';

const UPDATE = makeUpdate('fix_one');

class Killed extends Error {}

/** Runs the command and kills it before its n-th change; false when it ended before. */
async function killAt(
  machine: FakeMachine,
  moment: number,
  command: () => Promise<unknown>,
): Promise<boolean> {
  let changes = 0;
  machine.beforeChange = () => {
    changes += 1;
    if (changes > moment) throw new Killed();
  };
  try {
    await command();
    return false;
  } catch (error) {
    if (error instanceof Killed) return true;
    throw error;
  } finally {
    machine.beforeChange = () => {};
    // The kernel releases the lock of a killed process.
    machine.locked = false;
  }
}

function assertListIsTrue(machine: FakeMachine): void {
  const patch = machine.modules.find(({ name }) => name === 'resplice_fix_one')?.patch;
  const loaded = machine.modules.some(({ name }) => name === 'resplice_fix_one');
  const [status] = listUpdates(machine);
  if (patch === undefined) {
    const possible = loaded ? ['loaded-disabled'] : [undefined, 'interrupted'];
    assert.ok(possible.includes(status?.state), status?.state);
  } else if (patch.transitionSince !== undefined) {
    assert.equal(status?.state, patch.enabled ? 'applying' : 'undoing');
  } else {
    assert.equal(status?.state, 'applied');
  }
}

const AFTERWARDS = [0, 300, 5000];

for (const stuck of [false, true]) {
  test(`an apply ${stuck ? 'of busy code ' : ''}killed at any moment can be listed, finished and taken back`, async () => {
    let moment = 0;
    for (let killed = true; killed; moment += 1) {
      for (const pause of AFTERWARDS) {
        for (const next of ['apply', 'undo'] as const) {
          const machine = makeMachine();
          if (stuck) machine.tasks.push({ pid: 9, command: 'dd', stack: [], state: -1, stuckIn: 'old' });
          killed = await killAt(machine, moment, () => applyUpdate(machine, UPDATE, { timeoutSeconds: 3 }));
          machine.pass(pause);
          assertListIsTrue(machine);
          for (const task of machine.tasks) task.stuckIn = undefined;
          await assertCommandWorks(machine, next);
        }
      }
    }
    assert.ok(moment > 20, `${moment} moments`);
  });
}

test('an undo killed at any moment can be listed, finished and taken back', async () => {
  let moment = 0;
  for (let killed = true; killed; moment += 1) {
    for (const pause of AFTERWARDS) {
      for (const next of ['apply', 'undo'] as const) {
        const machine = makeMachine();
        await applyUpdate(machine, UPDATE);
        killed = await killAt(machine, moment, () => undoUpdate(machine, 'fix_one'));
        machine.pass(pause);
        assertListIsTrue(machine);
        await assertCommandWorks(machine, next);
      }
    }
  }
  assert.ok(moment > 20, `${moment} moments`);
});

async function assertCommandWorks(machine: FakeMachine, command: 'apply' | 'undo'): Promise<void> {
  const verdict = await (command === 'apply' ? applyUpdate(machine, UPDATE) : undoUpdate(machine, 'fix_one'));
  assert.ok(verdict.ok, JSON.stringify(verdict));
  const states = listUpdates(machine).map(({ state }) => state);
  assert.deepEqual(states, command === 'apply' ? ['applied'] : []);
  if (command === 'undo') assert.deepEqual(machine.state.list(), []);
}

test('settles what stands in the way of another update, and says so', async () => {
  const machine = makeMachine();
  await killAt(machine, 12, () => applyUpdate(machine, UPDATE));
  assert.deepEqual(
    listUpdates(machine).map(({ state }) => state),
    ['applying'],
  );
  const verdict = await applyUpdate(machine, makeUpdate('fix_two', { requires: ['fix_one'] }));
  assert.ok(!verdict.ok, 'fix_one is not complete, so a requirement is missing too');
  const notes = await recoverUpdates(machine);
  assert.deepEqual(notes, ['fix_one: an earlier apply is now complete']);
  assert.ok((await applyUpdate(machine, makeUpdate('fix_two', { requires: ['fix_one'] }))).ok);
});

test('takes an earlier apply back that cannot complete, then applies the other update', async () => {
  const machine = makeMachine();
  machine.loadable.set('resplice_fix_one', new Map([['vmlinux', ['other,1']]]));
  machine.tasks.push({ pid: 9, command: 'dd', stack: [], state: -1, stuckIn: 'old' });
  machine.load('resplice_fix_one');
  const release = () => {
    if (!machine.modules.some(({ name }) => name === 'resplice_fix_one'))
      for (const task of machine.tasks) task.stuckIn = undefined;
  };
  machine.beforeChange = release;
  const verdict = await applyUpdate(machine, makeUpdate('fix_two'), { timeoutSeconds: 3 });
  assert.ok(verdict.ok, JSON.stringify(verdict));
  assert.deepEqual(verdict.value.notes, [
    'fix_one: an earlier apply could not be completed and was taken back',
  ]);
});

test('keeps an update applied whose interrupted undo cannot complete', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, UPDATE);
  machine.tasks.push({ pid: 9, command: 'dd', stack: [], state: -1, stuckIn: 'new' });
  await killAt(machine, 5, () => undoUpdate(machine, 'fix_one'));
  assert.deepEqual(await recoverUpdates(machine, { timeoutSeconds: 3 }), [
    'fix_one: an earlier undo could not be completed; the update stays applied',
  ]);
  assert.deepEqual(
    listUpdates(machine).map(({ state }) => state),
    ['applied'],
  );
});
