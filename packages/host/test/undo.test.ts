import assert from 'node:assert';
import { test } from 'node:test';
import type { ApplicableUpdate } from '../src/applicable-update.js';
import { applyUpdate } from '../src/apply.js';
import { undoUpdate } from '../src/undo.js';
import { listUpdates } from '../src/update-status.js';
import type { FakeMachine } from './fake/fake-machine.js';
import { allow, FIRST, makeMachine, makeObject, makeUpdate } from './fake/situation.js';

async function applyAll(machine: FakeMachine, ...updates: readonly ApplicableUpdate[]): Promise<void> {
  for (const update of updates) {
    const verdict = await applyUpdate(machine, update);
    assert.ok(verdict.ok, JSON.stringify(verdict));
  }
}

function states(machine: FakeMachine): readonly string[] {
  return listUpdates(machine).map(({ id, state }) => `${id}:${state}`);
}

async function refusalOf(machine: FakeMachine, id: string, timeoutSeconds = 60) {
  const verdict = await undoUpdate(machine, id, { timeoutSeconds });
  assert.ok(!verdict.ok, JSON.stringify(verdict));
  return verdict.reasons;
}

test('undoes completely, though the kernel keeps the module for a moment', async () => {
  const machine = makeMachine();
  machine.busyRemovals = 3;
  await applyAll(machine, makeUpdate('fix_one'));
  const verdict = await undoUpdate(machine, 'fix_one');
  assert.ok(verdict.ok);
  assert.equal(verdict.value.state, 'undone');
  assert.deepEqual(machine.modules, []);
  assert.deepEqual(machine.state.list(), []);
});

test('says of an update that is not there that it is not applied', async () => {
  const verdict = await undoUpdate(makeMachine(), 'fix_one');
  assert.ok(verdict.ok);
  assert.equal(verdict.value.state, 'not-applied');
});

test('refuses when the kernel may still call new code, unless forced', async () => {
  const machine = makeMachine();
  const object = makeObject('vmlinux', [FIRST]);
  const timer = { name: 'late_timer', kind: 'function', size: 32, addressTaken: true } as const;
  await applyAll(machine, makeUpdate('fix_one', { objects: [{ ...object, added: [timer] }] }));
  const [reason] = await refusalOf(machine, 'fix_one');
  assert.equal(reason?.code, 'new-code-may-be-called');
  assert.equal(reason?.subject.symbol, 'late_timer');
  assert.deepEqual(states(machine), ['fix_one:applied']);
  const forced = await undoUpdate(machine, 'fix_one', { force: true });
  assert.ok(forced.ok);
  assert.equal(forced.value.state, 'undone');
});

test('refuses while a module is loaded that was not to be loaded before, even when forced', async () => {
  const machine = makeMachine();
  const requiresUnloaded = [{ module: 'dummy', because: ['struct dummy: it grows'] }];
  await applyAll(machine, makeUpdate('fix_one', { requiresUnloaded }));
  machine.load('dummy');
  const verdict = await undoUpdate(machine, 'fix_one', { force: true });
  assert.ok(!verdict.ok);
  const [reason] = verdict.reasons;
  assert.equal(reason?.code, 'undo-module-loaded');
  assert.equal(reason?.subject.object, 'dummy');
  assert.match(reason?.advice ?? '', /modprobe -r dummy/);
  assert.deepEqual(listUpdates(machine)[0]?.requiresUnloaded, ['dummy']);
  assert.deepEqual(states(machine), ['fix_one:applied']);
  machine.modules = machine.modules.filter(({ name }) => name !== 'dummy');
  assert.ok((await undoUpdate(machine, 'fix_one')).ok);
});

test('refuses without root', async () => {
  const machine = makeMachine();
  machine.uid = 1000;
  assert.equal((await refusalOf(machine, 'fix_one'))[0]?.code, 'not-root');
});

test('refuses the wrong order, names the right one, and takes the right one', async () => {
  const machine = makeMachine();
  await applyAll(
    machine,
    makeUpdate('fix_one'),
    makeUpdate('fix_two', { requires: ['fix_one'] }),
    makeUpdate('fix_three', { requires: ['fix_one', 'fix_two'] }),
  );
  const reasons = await refusalOf(machine, 'fix_one');
  assert.deepEqual(
    reasons.map(({ code, subject, found, advice }) => ({ code, subject, found, advice })),
    [
      {
        code: 'needed-by-update',
        subject: { object: 'vmlinux', symbol: 'sock_wfree' },
        found: 'the update fix_two replaces it on top of this one',
        advice: 'undo first: fix_three, then fix_two',
      },
      {
        code: 'needed-by-update',
        subject: { object: 'vmlinux', symbol: 'sock_wfree' },
        found: 'the update fix_three replaces it on top of this one',
        advice: 'undo first: fix_three, then fix_two',
      },
    ],
  );
  for (const id of ['fix_three', 'fix_two', 'fix_one']) assert.ok((await undoUpdate(machine, id)).ok);
  assert.deepEqual(machine.modules, []);
});

test('knows from the kernel alone which update is on top', async () => {
  const machine = makeMachine();
  await applyAll(machine, makeUpdate('fix_one'), makeUpdate('fix_two', { requires: ['fix_one'] }));
  for (const name of machine.state.list()) machine.state.remove(name);
  assert.equal((await refusalOf(machine, 'fix_one'))[0]?.code, 'needed-by-update');
  assert.ok((await undoUpdate(machine, 'fix_two')).ok);
});

test('refuses to undo what another update requires without sharing a function', async () => {
  const machine = makeMachine();
  const other = makeUpdate('fix_two', { requires: ['fix_one'], objects: [makeObject('vmlinux', [FIRST])] });
  const first = makeUpdate('fix_one', {
    objects: [
      makeObject('vmlinux', [
        {
          ...FIRST,
          name: 'init_once',
          position: 2,
          address: 0xffffffff81100100n,
          code: Buffer.from('0f1f4400009090c3', 'hex'),
        },
      ]),
    ],
  });
  allow(machine, first);
  allow(machine, { ...other, manifest: { ...other.manifest, objects: [makeObject('vmlinux', [FIRST])] } });
  first.manifest.objects[0]?.functions[0]?.sites.splice(0);
  await applyAll(machine, first, other);
  assert.deepEqual((await refusalOf(machine, 'fix_one'))[0], {
    code: 'needed-by-update',
    subject: {},
    found: 'the update fix_two builds on this one',
    advice: 'undo first: fix_two',
  });
});

test('undoes an update whose functions no later one touches', async () => {
  const machine = makeMachine();
  machine.loadable.set('kpatch_7', new Map([['vmlinux', ['other,1']]]));
  await applyAll(machine, makeUpdate('fix_one'));
  machine.load('kpatch_7');
  machine.pass(2000);
  assert.ok((await undoUpdate(machine, 'fix_one')).ok);
});

test("refuses during another live patch's transition", async () => {
  const machine = makeMachine();
  machine.loadable.set('kpatch_7', new Map([['vmlinux', ['other,1']]]));
  await applyAll(machine, makeUpdate('fix_one'));
  machine.load('kpatch_7');
  assert.equal((await refusalOf(machine, 'fix_one'))[0]?.code, 'transition-running');
  assert.deepEqual(states(machine), ['fix_one:applied']);
});

test('stays applied when tasks do not leave the update in time, and names them', async () => {
  const machine = makeMachine();
  await applyAll(machine, makeUpdate('fix_one'));
  machine.tasks.push({ pid: 9, command: 'dd', stack: ['sock_wfree_new+0x1/0x2'], state: -1, stuckIn: 'new' });
  assert.deepEqual(await refusalOf(machine, 'fix_one', 5), [
    {
      code: 'undo-tasks-busy',
      subject: { object: 'fix_one' },
      found: 'a task still ran the code of the update after 5 s',
      evidence: ['dd (pid 9)', '    sock_wfree_new+0x1/0x2'],
    },
  ]);
  assert.deepEqual(states(machine), ['fix_one:applied']);
});

test('stays applied when it is cancelled', async () => {
  const machine = makeMachine();
  await applyAll(machine, makeUpdate('fix_one'));
  machine.tasks.push({ pid: 9, command: 'dd', stack: [], state: -1, stuckIn: 'new' });
  const controller = new AbortController();
  const start = machine.clock;
  machine.beforeChange = () => {
    if (machine.clock - start > 2000) controller.abort();
  };
  const verdict = await undoUpdate(machine, 'fix_one', { signal: controller.signal });
  assert.ok(!verdict.ok);
  assert.equal(verdict.reasons[0]?.code, 'undo-cancelled');
  assert.deepEqual(states(machine), ['fix_one:applied']);
});

test('is undone after all when the kernel completes at the moment of giving up', async () => {
  const machine = makeMachine();
  await applyAll(machine, makeUpdate('fix_one'));
  const task = { pid: 9, command: 'dd', stack: [], state: -1, stuckIn: 'new' as 'new' | undefined };
  machine.tasks.push(task);
  let writes = 0;
  machine.beforeChange = (what) => {
    if (!what.endsWith('/enabled')) return;
    writes += 1;
    if (writes === 2) {
      task.stuckIn = undefined;
      machine.pass(2000);
    }
  };
  const verdict = await undoUpdate(machine, 'fix_one', { timeoutSeconds: 3 });
  assert.ok(verdict.ok);
  assert.equal(verdict.value.state, 'undone');
  assert.deepEqual(machine.modules, []);
});

test('removes a module that patches nothing', async () => {
  const machine = makeMachine();
  machine.loadable.clear();
  machine.load('resplice_fix_one');
  assert.ok((await undoUpdate(machine, 'fix_one')).ok);
  assert.deepEqual(machine.modules, []);
});

test("waits for a killed command's insmod", async () => {
  const machine = makeMachine();
  machine.busyRemovals = 0;
  machine.loadable.clear();
  const module = machine.load('resplice_fix_one');
  module.state = 'Loading';
  machine.beforeChange = (what) => {
    if (machine.clock > 500) module.state = 'Live';
    else assert.equal(what, 'sleep');
  };
  assert.ok((await undoUpdate(machine, 'fix_one')).ok);
  assert.deepEqual(machine.modules, []);
});

test('says which module the kernel does not let go, and that it will try again', async () => {
  const machine = makeMachine();
  machine.busyRemovals = Number.POSITIVE_INFINITY;
  await applyAll(machine, makeUpdate('fix_one'));
  await assert.rejects(undoUpdate(machine, 'fix_one'), { code: 'module-stays-loaded' });
  assert.deepEqual(states(machine), ['fix_one:loaded-disabled']);
  machine.busyRemovals = 0;
  assert.ok((await undoUpdate(machine, 'fix_one')).ok);
  assert.deepEqual(states(machine), []);
});
