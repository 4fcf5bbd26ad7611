import assert from 'node:assert';
import { test } from 'node:test';
import type { ProgressEvent } from '@resplice/report';
import { applyUpdate } from '../src/apply.js';
import { readRecord } from '../src/state/record.js';
import { listUpdates } from '../src/update-status.js';
import type { FakeMachine } from './fake/fake-machine.js';
import { makeMachine, makeUpdate } from './fake/situation.js';

const UPDATE = makeUpdate('fix_one');

function addStuckTask(machine: FakeMachine, world: 'old' | 'new'): { release(): void } {
  const stack = ['sock_wfree+0x9/0xd', 'skb_release_head_state+0x1/0x2'];
  const task = { pid: 166, command: 'cat', stack, state: -1, stuckIn: world as 'old' | 'new' | undefined };
  machine.tasks.push(task);
  return {
    release() {
      task.stuckIn = undefined;
    },
  };
}

function states(machine: FakeMachine): readonly string[] {
  return listUpdates(machine).map(({ id, state }) => `${id}:${state}`);
}

/** Nothing of any update is left anywhere. */
function assertClean(machine: FakeMachine): void {
  assert.deepEqual(listUpdates(machine), []);
  assert.deepEqual(machine.state.list(), []);
  assert.equal(machine.locked, false);
}

test('applies, and keeps archive and record', async () => {
  const machine = makeMachine();
  const verdict = await applyUpdate(machine, UPDATE);
  assert.ok(verdict.ok);
  assert.equal(verdict.value.state, 'applied');
  assert.ok(verdict.value.milliseconds.transition >= 1000);
  assert.deepEqual(states(machine), ['fix_one:applied']);
  assert.deepEqual(machine.state.read('fix_one.splice'), UPDATE.archive);
  assert.equal(readRecord(machine, 'fix_one')?.phase, 'applied');
  assert.equal(machine.locked, false);
});

test('says of a second apply that it is applied already, and loads nothing', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, UPDATE);
  const verdict = await applyUpdate(machine, UPDATE);
  assert.ok(verdict.ok);
  assert.equal(verdict.value.state, 'already-applied');
  assert.equal(machine.modules.length, 1);
});

test('changes nothing when a check refuses', async () => {
  const machine = makeMachine();
  machine.files.set('/proc/sys/kernel/modules_disabled', '1\n');
  machine.beforeChange = (what) => assert.fail(what);
  const verdict = await applyUpdate(machine, UPDATE);
  assert.ok(!verdict.ok);
  assertClean(machine);
});

test('refuses without root before it locks anything', async () => {
  const machine = makeMachine();
  machine.uid = 1000;
  machine.locked = true;
  const verdict = await applyUpdate(machine, UPDATE);
  assert.ok(!verdict.ok);
  assert.deepEqual(
    verdict.reasons.map(({ code }) => code),
    ['not-root'],
  );
});

test('lets only one command at a time', async () => {
  const machine = makeMachine();
  machine.locked = true;
  await assert.rejects(applyUpdate(machine, UPDATE), { code: 'another-command-runs' });
});

test('names the tasks that hold it up with their stacks, and takes itself back after the time limit', async () => {
  const machine = makeMachine();
  addStuckTask(machine, 'old');
  const verdict = await applyUpdate(machine, UPDATE, { timeoutSeconds: 6 });
  assert.ok(!verdict.ok);
  assert.deepEqual(verdict.reasons, [
    {
      code: 'tasks-busy',
      subject: { object: 'fix_one' },
      found: 'a task still ran the old code after 6 s',
      evidence: ['cat (pid 166)', '    sock_wfree+0x9/0xd', '    skb_release_head_state+0x1/0x2'],
    },
  ]);
  assertClean(machine);
});

test('tells while it waits how many tasks are left and which', async () => {
  const machine = makeMachine();
  const stuck = addStuckTask(machine, 'old');
  const events: ProgressEvent[] = [];
  const progress = (event: ProgressEvent) => {
    events.push(event);
    if (event.detail?.includes('cat') === true) stuck.release();
  };
  const verdict = await applyUpdate(machine, UPDATE, { progress });
  assert.ok(verdict.ok);
  const updates = events.filter(({ stage, state }) => stage === 'transition' && state === 'update');
  assert.deepEqual(updates[0], {
    stage: 'transition',
    state: 'update',
    detail: 'resplice_fix_one',
    done: 1,
    total: 2,
    unit: 'tasks',
  });
  assert.equal(updates.at(-1)?.detail, 'waiting for cat (pid 166) in sock_wfree+0x9/0xd');
  assert.deepEqual(events.at(-1), { stage: 'transition', state: 'done', detail: 'resplice_fix_one' });
});

test('takes itself back when it is cancelled', async () => {
  const machine = makeMachine();
  addStuckTask(machine, 'old');
  const controller = new AbortController();
  machine.beforeChange = () => {
    if (machine.clock > 3000) controller.abort();
  };
  const verdict = await applyUpdate(machine, UPDATE, { signal: controller.signal });
  assert.ok(!verdict.ok);
  assert.deepEqual(
    verdict.reasons.map(({ code }) => code),
    ['apply-cancelled'],
  );
  assertClean(machine);
});

test('says so when even the way back is held up, and leaves the record', async () => {
  const machine = makeMachine();
  addStuckTask(machine, 'old');
  machine.tasks.push({ pid: 200, command: 'dd', stack: ['new_code+0x1/0x2'], state: -1, stuckIn: 'new' });
  machine.beforeChange = () => {
    // It has called the new code before the reversal.
    for (const task of machine.tasks) if (task.pid === 200 && machine.clock > 3000) task.state = 1;
  };
  const verdict = await applyUpdate(machine, UPDATE, { timeoutSeconds: 5 });
  assert.ok(!verdict.ok);
  assert.deepEqual(
    verdict.reasons.map(({ code, evidence }) => [code, evidence?.[0]]),
    [
      ['tasks-busy', 'cat (pid 166)'],
      ['reversal-busy', 'dd (pid 200)'],
    ],
  );
  assert.deepEqual(states(machine), ['fix_one:undoing']);
});

test('notices that somebody else disabled it', async () => {
  const machine = makeMachine();
  let disabled = false;
  machine.beforeChange = (what) => {
    if (what !== 'sleep' || disabled) return;
    disabled = true;
    machine.writeControl('/sys/kernel/livepatch/resplice_fix_one/enabled', '0');
  };
  const verdict = await applyUpdate(machine, UPDATE);
  assert.ok(!verdict.ok);
  assert.equal(verdict.reasons[0]?.code, 'update-vanished');
  assertClean(machine);
});

test('explains from the kernel log why the module was refused, and leaves nothing', async () => {
  const machine = makeMachine();
  machine.log = ['an older line', 'livepatch: an older complaint'];
  machine.insertFailure = {
    output: 'insmod: ERROR: could not insert module /run/resplice/loading.ko: Invalid parameters\n',
    log: ["livepatch: symbol 'no_such' not found in symbol table"],
  };
  const verdict = await applyUpdate(machine, UPDATE);
  assert.ok(!verdict.ok);
  assert.deepEqual(verdict.reasons, [
    {
      code: 'livepatch-rejected',
      subject: { object: 'resplice_fix_one' },
      found: "symbol 'no_such' not found in symbol table",
      evidence: [
        'insmod: ERROR: could not insert module /run/resplice/loading.ko: Invalid parameters',
        "kernel: livepatch: symbol 'no_such' not found in symbol table",
      ],
    },
  ]);
  assertClean(machine);
});
