// Updates for the trampoline engine, on a machine whose core behaves as kmod/core-abi.h says: apply, undo, and commands killed in between.

import assert from 'node:assert';
import { test } from 'node:test';
import { encodeUpdate, hashContent, type Manifest } from '@resplice/update';
import type { ApplicableUpdate } from '../src/applicable-update.js';
import { applyUpdate } from '../src/apply.js';
import { checkApply } from '../src/check/apply-check.js';
import { undoUpdate } from '../src/undo.js';
import { listUpdates } from '../src/update-status.js';
import { encodeBuildIdNotes } from './fake/core-image.js';
import type { FakeMachine } from './fake/fake-machine.js';
import { encodeModule } from './fake/module-image.js';
import {
  allow,
  FIRST,
  MODULE_BUILD_ID,
  makeFunction,
  makeMachine,
  makeObject,
  makeUpdate,
  SLIDE,
} from './fake/situation.js';

const MODULE = encodeModule();

/** An update of `sock_wfree`, jumping behind its call for ftrace, unless `change` says otherwise. */
function makeTrampoline(id: string, change: Partial<Manifest> = {}): ApplicableUpdate {
  const functions = [{ ...makeFunction(FIRST), jump: { at: 5, to: 0, below: null } }];
  const sha256 = hashContent(MODULE);
  const core = { file: 'module/resplice_core.ko', name: 'resplice_core', sha256, imports: [] };
  const name = `resplice_${id}`;
  const { manifest } = makeUpdate(id, {
    engine: 'trampoline',
    objects: [{ ...makeObject('vmlinux', []), functions }],
    module: { file: `module/${name}.ko`, name, sha256, signed: false },
    trampoline: { imports: [], hooks: [], core },
    ...change,
  });
  const files = new Map([manifest.module.file, core.file].map((file) => [file, MODULE]));
  return { manifest, module: MODULE, core: MODULE, archive: encodeUpdate({ manifest, files }) };
}

const UPDATE = makeTrampoline('jump_one');
const DUMMY_CODE = Buffer.from('909090909090c3', 'hex');

function states(machine: FakeMachine): readonly string[] {
  return listUpdates(machine).map(({ id, state, engine }) => `${id}:${state}:${engine}`);
}

function assertClean(machine: FakeMachine): void {
  assert.deepEqual(listUpdates(machine), []);
  assert.deepEqual(machine.state.list(), []);
  assert.deepEqual(machine.modules, []);
  assert.equal(machine.locked, false);
}

async function codesOf(verdict: ReturnType<typeof applyUpdate> | ReturnType<typeof undoUpdate>) {
  const result = await verdict;
  return result.ok ? [] : result.reasons.map(({ code }) => code);
}

const refusalsOf = (verdict: ReturnType<typeof checkApply>) => (verdict.ok ? [] : verdict.reasons);

test('applies: core and update are loaded, prepared, switched; undo removes both', async () => {
  const machine = makeMachine();
  const applied = await applyUpdate(machine, UPDATE);
  assert.ok(applied.ok);
  assert.equal(applied.value.milliseconds.pause, 0.25);
  assert.deepEqual(states(machine), ['jump_one:applied:trampoline']);
  assert.deepEqual(machine.engine?.requests, ['PREPARE resplice_jump_one', 'APPLY resplice_jump_one']);
  const undone = await undoUpdate(machine, 'jump_one');
  assert.ok(undone.ok);
  assertClean(machine);
});

test('a jump over a lock prefix is refused where a second processor may come, for the kernel then writes there', async () => {
  const sites = [...(FIRST.sites ?? []), { at: 6, length: 1, kind: 'smp-lock' as const }];
  const functions = [{ ...makeFunction({ ...FIRST, sites }), jump: { at: 5, to: 0, below: null } }];
  const update = makeTrampoline('jump_one', { objects: [{ ...makeObject('vmlinux', []), functions }] });
  const machineWith = (online: string, possible: string) => {
    const machine = makeMachine();
    machine.files.set('/sys/devices/system/cpu/online', `${online}\n`);
    machine.files.set('/sys/devices/system/cpu/possible', `${possible}\n`);
    return machine;
  };
  const refused = checkApply(machineWith('0', '0-7'), update);
  assert.deepEqual(
    refusalsOf(refused).map(({ code, found }) => [code, found]),
    [['lock-prefix-in-the-way', 'one processor runs, and there can be 8']],
  );
  assert.equal(checkApply(machineWith('0', '0'), update).ok, true);
  assert.equal(checkApply(machineWith('0,2', '0-7'), update).ok, true);
  assert.equal(checkApply(machineWith('0', '0-7'), makeTrampoline('jump_one')).ok, true);
});

test('needs neither livepatch nor ftrace', async () => {
  const machine = makeMachine();
  machine.files.delete('/sys/kernel/livepatch/');
  machine.files.set('/proc/sys/kernel/ftrace_enabled', '0\n');
  assert.deepEqual(await codesOf(applyUpdate(machine, UPDATE)), []);
});

test('is refused where only signed modules are loaded, whatever it says of itself', async () => {
  const machine = makeMachine();
  machine.files.set('/sys/module/module/parameters/sig_enforce', 'Y\n');
  const signed = makeTrampoline('jump_one', { module: { ...UPDATE.manifest.module, signed: true } });
  assert.deepEqual(await codesOf(applyUpdate(machine, signed)), ['module-must-be-signed']);
});

/** Changes `dummy`, or another module, whose code refers to a symbol of its own. */
function makeForModule(object: string): ApplicableUpdate {
  const target = { name: 'dummy_xmit', address: null, code: DUMMY_CODE };
  const functions = [{ ...makeFunction(target), jump: { at: 0, to: 0, below: null } }];
  const imports = [{ symbol: 'helper', object, name: 'init_once', position: 0, applyWith: object }];
  const { trampoline } = UPDATE.manifest;
  assert.ok(trampoline);
  return makeTrampoline('jump_one', {
    objects: [{ ...makeObject(object, []), functions }],
    trampoline: { ...trampoline, imports },
  });
}

test('a module that is not loaded is waited for: the core is told its symbols, and list says so', async () => {
  const machine = makeMachine();
  const applied = await applyUpdate(machine, makeForModule('absent'));
  assert.ok(applied.ok);
  assert.deepEqual(applied.value.pending, ['absent']);
  assert.deepEqual(machine.engine?.prepared, [
    { objects: ['absent'], symbols: ['dummy_xmit', 'init_once'], fixups: 1 },
  ]);
  const [status] = listUpdates(machine);
  assert.deepEqual(status?.waiting, ['absent']);
  assert.match(status?.detail ?? '', /absent not loaded now: the engine's core patches it when it comes/);
});

test('a module that is loaded is told by the same symbols, for it may go and come back', async () => {
  const machine = makeMachine();
  machine.load('dummy');
  machine.files.set('/sys/module/dummy/notes/.note.gnu.build-id', encodeBuildIdNotes(MODULE_BUILD_ID));
  machine.core = [...machine.core, { address: 0xffffffffc0100010n, bytes: Buffer.from(DUMMY_CODE) }];
  const applied = await applyUpdate(machine, makeForModule('dummy'));
  assert.ok(applied.ok);
  assert.deepEqual([applied.value.pending, applied.value.notes], [[], []]);
  assert.deepEqual(machine.engine?.prepared[0]?.objects, ['dummy']);
  assert.deepEqual(listUpdates(machine)[0]?.waiting, []);
});

test('a symbol that the kernel does not show is a refusal, and nothing is loaded', async () => {
  const imports = [
    { symbol: 'helper', object: 'vmlinux', name: 'no_such_helper', position: 0, applyWith: 'vmlinux' },
  ];
  const { trampoline } = UPDATE.manifest;
  assert.ok(trampoline);
  const machine = makeMachine();
  machine.beforeChange = (what) => assert.doesNotMatch(what, /insmod/);
  const update = makeTrampoline('jump_one', { trampoline: { ...trampoline, imports } });
  assert.deepEqual(await codesOf(applyUpdate(machine, update)), ['symbol-not-found']);
  assertClean(machine);
});

test('one function has one engine: each finds the other one there before anything is changed', async () => {
  const live = makeUpdate('fix_one');
  const machine = makeMachine();
  await applyUpdate(machine, live);
  assert.deepEqual(await codesOf(applyUpdate(machine, UPDATE)), ['function-held-by-update']);
  const other = makeMachine();
  await applyUpdate(other, UPDATE);
  const [reason] = refusalsOf(checkApply(other, live));
  assert.equal(reason?.code, 'function-held-by-update');
  assert.match(reason?.found ?? '', /jump_one/);
});

test('a thread that stays in the old code is named with its place, and nothing is left', async () => {
  const machine = makeMachine();
  machine.onEngine = (engine) => {
    engine.busy = { pid: 166, command: 'cat', address: 0xffffffff83100009n, left: Number.POSITIVE_INFINITY };
  };
  const verdict = await applyUpdate(machine, UPDATE, { timeoutSeconds: 2 });
  assert.ok(!verdict.ok);
  const [reason] = verdict.reasons;
  assert.equal(reason?.code, 'tasks-busy');
  assert.deepEqual(reason?.evidence, ['cat (pid 166)', '    frame 0 of its stack is in sock_wfree+0x9/0xd']);
  assertClean(machine);
});

test('one that leaves in time only costs time', async () => {
  const machine = makeMachine();
  machine.onEngine = (engine) => {
    engine.busy = { pid: 166, command: 'cat', address: 0n, left: 3 };
  };
  assert.deepEqual(await codesOf(applyUpdate(machine, UPDATE)), []);
});

test('a command told to stop while it waits leaves nothing', async () => {
  const machine = makeMachine();
  const controller = new AbortController();
  machine.onEngine = (engine) => {
    engine.busy = { pid: 166, command: 'cat', address: 0n, left: Number.POSITIVE_INFINITY };
    controller.abort();
  };
  assert.deepEqual(await codesOf(applyUpdate(machine, UPDATE, { signal: controller.signal })), [
    'apply-cancelled',
  ]);
  assertClean(machine);
});

const ANSWERS = [
  ['PREPARE', 'PROBED', 'kprobe-on-function'],
  ['PREPARE', 'OLD_BYTES', 'function-altered'],
  ['PREPARE', 'NOT_TEXT', 'core-refused'],
  ['APPLY', 'HOOK_REFUSED', 'hook-refused'],
  ['APPLY', 'FAILED', 'core-refused'],
  ['APPLY', 'OLD_DATA', 'data-altered'],
  ['APPLY', 'NO_MODULE', 'module-not-loaded'],
  ['APPLY', 'NO_SYMBOL', 'symbol-not-found'],
] as const;

for (const [type, answer, code] of ANSWERS) {
  test(`${answer} to ${type} becomes ${code}, and nothing is left`, async () => {
    const machine = makeMachine();
    machine.onEngine = (engine) => void engine.scripted.set(type, answer);
    assert.deepEqual(await codesOf(applyUpdate(machine, UPDATE)), [code]);
    assertClean(machine);
  });
}

test('undo that meets a thread in the new code keeps the update', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, UPDATE);
  machine.engine?.scripted.set('UNDO', 'BUSY').set('CHECK', 'BUSY');
  assert.deepEqual(await codesOf(undoUpdate(machine, 'jump_one', { timeoutSeconds: 1 })), [
    'undo-tasks-busy',
  ]);
  assert.deepEqual(states(machine), ['jump_one:applied:trampoline']);
});

test('undo that the core does not do is refused with its answer, and keeps the update', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, UPDATE);
  machine.engine?.scripted.set('UNDO', 'OLD_BYTES');
  assert.deepEqual(await codesOf(undoUpdate(machine, 'jump_one')), ['undo-rejected']);
  assert.deepEqual(states(machine), ['jump_one:applied:trampoline']);
});

test('without root, list tells from the module alone whether it is in use', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, UPDATE);
  machine.openDevice = () => ({ ok: false, code: 'EACCES' });
  assert.deepEqual(states(machine), ['jump_one:applied:trampoline']);
});

class Killed extends Error {}

/** Runs the work and kills it at its n-th change; false when it ended before. */
async function killAt(machine: FakeMachine, count: number, work: () => Promise<unknown>): Promise<boolean> {
  let left = count;
  machine.beforeChange = () => {
    if (left === 0) throw new Killed();
    left -= 1;
  };
  try {
    await work();
    return false;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return true;
  } finally {
    machine.beforeChange = () => {};
    machine.locked = false;
  }
}

for (const command of ['apply', 'undo'] as const) {
  test(`${command} killed at any moment: the next apply succeeds, and undo leaves nothing`, async () => {
    for (let count = 0; ; count++) {
      const machine = makeMachine();
      if (command === 'undo') await applyUpdate(machine, UPDATE);
      const killed = await killAt(machine, count, () =>
        command === 'apply' ? applyUpdate(machine, UPDATE) : undoUpdate(machine, 'jump_one'),
      );
      if (!killed) {
        assert.ok(count > 5, `only ${count} changes`);
        return;
      }
      assert.deepEqual(await codesOf(applyUpdate(machine, UPDATE)), [], `killed at ${count}`);
      assert.deepEqual(states(machine), ['jump_one:applied:trampoline']);
      assert.deepEqual(await codesOf(undoUpdate(machine, 'jump_one')), []);
      assertClean(machine);
    }
  });
}

/** On top of `jump_one`: jumps from its code. */
function makeOnTop(): ApplicableUpdate {
  const below = { update: 'jump_one', at: 0, size: 16, code: Buffer.alloc(16).toString('base64'), sites: [] };
  const functions = [{ ...makeFunction(FIRST), jump: { at: 0, to: 0, below } }];
  return makeTrampoline('jump_two', {
    requires: ['jump_one'],
    objects: [{ ...makeObject('vmlinux', []), functions }],
  });
}

function showCode(machine: FakeMachine, module: string): void {
  const text = String(machine.files.get(`/sys/module/${module}/sections/.text`)).trim();
  machine.core = [...machine.core, { address: BigInt(text), bytes: Buffer.alloc(4096) }];
}

test('one on top jumps from the code below, comes off first, and needs it applied', async () => {
  const machine = makeMachine();
  assert.deepEqual(await codesOf(applyUpdate(machine, makeOnTop())), ['required-update-missing']);
  await applyUpdate(machine, UPDATE);
  showCode(machine, 'resplice_jump_one');
  assert.deepEqual(await codesOf(applyUpdate(machine, makeOnTop())), []);
  assert.deepEqual(await codesOf(undoUpdate(machine, 'jump_one')), ['needed-by-update']);
  assert.deepEqual(await codesOf(undoUpdate(machine, 'jump_two')), []);
  assert.deepEqual(await codesOf(undoUpdate(machine, 'jump_one')), []);
  assertClean(machine);
});

test('code below that is not as it was made is refused', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, UPDATE);
  showCode(machine, 'resplice_jump_one');
  machine.core.at(-1)?.bytes.fill(0xcc);
  assert.deepEqual(await codesOf(applyUpdate(machine, makeOnTop())), ['function-altered']);
});

test('a second update of the same function is refused, and with --replace takes the place of the first in one switch', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, UPDATE);
  const whole = makeTrampoline('jump_all');
  assert.deepEqual(await codesOf(applyUpdate(machine, whole)), ['function-held-by-update']);
  const verdict = await applyUpdate(machine, whole, { replace: true });
  assert.ok(verdict.ok);
  assert.deepEqual(verdict.value.replaced, ['jump_one']);
  assert.deepEqual(states(machine), ['jump_all:applied:trampoline']);
});

test('a cumulative update takes the place of what it contains and of the one before, and of nothing else', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, UPDATE);
  const foreign = makeTrampoline('jump_all', { cumulative: { number: 1, contains: ['other_fix'] } });
  assert.deepEqual(await codesOf(applyUpdate(machine, foreign)), ['function-held-by-update']);
  const first = makeTrampoline('jump_all', { cumulative: { number: 1, contains: ['jump_one'] } });
  const verdict = await applyUpdate(machine, first);
  assert.ok(verdict.ok);
  assert.deepEqual(verdict.value.replaced, ['jump_one']);
  const second = makeTrampoline('jump_two', { cumulative: { number: 2, contains: [] } });
  const next = await applyUpdate(machine, second);
  assert.ok(next.ok);
  assert.deepEqual(next.value.replaced, ['jump_all']);
  assert.deepEqual(states(machine), ['jump_two:applied:trampoline']);
});

test('a live patch that somebody loads over a jump is named by list and by undo, and keeps others away', async () => {
  const machine = makeMachine();
  await applyUpdate(machine, UPDATE);
  const live = makeUpdate('fix_one', {
    module: { file: 'module.ko', name: 'foreign', sha256: '0'.repeat(64), signed: false },
  });
  allow(machine, live);
  machine.load('foreign');
  await machine.sleep(60_000);
  const [status] = listUpdates(machine);
  assert.deepEqual(status?.overridden, [{ object: 'vmlinux', symbol: 'sock_wfree', by: 'foreign' }]);
  assert.match(status?.detail ?? '', /foreign replaces sock_wfree of vmlinux/);
  const other = makeTrampoline('jump_two');
  assert.ok(
    (await codesOf(applyUpdate(machine, other, { replace: true }))).includes('function-held-by-livepatch'),
  );
  const undone = await undoUpdate(machine, 'jump_one');
  assert.ok(undone.ok, JSON.stringify(undone));
  assert.match(undone.value.notes.join(), /foreign was loaded over it and stays: vmlinux: sock_wfree/);
});

test('what is computed from the place of the kernel is right when all that changes waits for a module', () => {
  const checked = checkApply(makeMachine(), makeForModule('absent'));
  assert.ok(checked.ok);
  const memory = checked.value.code?.memory;
  assert.equal(memory !== undefined && 'slide' in memory ? memory.slide : undefined, SLIDE);
});
