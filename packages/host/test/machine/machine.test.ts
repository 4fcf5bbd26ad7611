// One contract for the simulated and the real machine, and what only the real one can show. Nothing here touches the kernel.

import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openMachine } from '../../src/machine/linux-machine.js';
import type { Machine } from '../../src/machine/machine.js';
import { makeMachine } from '../fake/situation.js';

const scratch = mkdtempSync(join(tmpdir(), 'resplice-host-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
let count = 0;

function openReal(stateDirectory = join(scratch, String(count++))): Machine {
  return openMachine({ stateDirectory, patience: 0 });
}

/** A directory that not even root can create. */
function underFile(): string {
  const file = join(scratch, 'file');
  writeFileSync(file, '');
  return join(file, 'state');
}

for (const [name, open] of [
  ['simulated', makeMachine],
  ['real', openReal],
] as const) {
  test(`${name}: tells a missing file from one it can read`, () => {
    const machine = open();
    assert.deepEqual(machine.readFile('/proc/no/such'), { ok: false, code: 'ENOENT' });
    assert.deepEqual(machine.openFile('/proc/no/such'), { ok: false, code: 'ENOENT' });
    assert.ok(machine.readFile('/proc/sys/kernel/osrelease').ok);
  });

  test(`${name}: lists a directory, and nothing for one that is missing`, () => {
    const machine = open();
    assert.ok(machine.listDirectory('/proc/sys/kernel')?.includes('osrelease'));
    assert.equal(machine.listDirectory('/proc/no/such'), undefined);
  });

  test(`${name}: names the errno of a control file that cannot be written`, () => {
    assert.equal(open().writeControl('/sys/kernel/livepatch/no_such/enabled', '0'), 'ENOENT');
  });

  test(`${name}: keeps state until it is removed`, () => {
    const { state } = open();
    assert.deepEqual(state.list(), []);
    assert.equal(state.read('a.json'), undefined);
    state.write('a.json', Uint8Array.of(1));
    state.write('a.json', Uint8Array.of(1, 2));
    state.write('b.json', new Uint8Array());
    assert.deepEqual([...(state.read('a.json') ?? [])], [1, 2]);
    assert.deepEqual([...state.list()].sort(), ['a.json', 'b.json']);
    state.remove('a.json');
    state.remove('a.json');
    assert.deepEqual(state.list(), ['b.json']);
  });

  test(`${name}: lets one command in at a time`, async () => {
    const machine = open();
    const lock = await machine.lock('apply fix_one');
    await assert.rejects(machine.lock('undo fix_one'), { code: 'another-command-runs' });
    await lock.release();
    await (await machine.lock('undo fix_one')).release();
  });

  test(`${name}: reads a stream to its end`, () => {
    const open_ = open().openFile('/proc/kallsyms');
    assert.ok(open_.ok);
    const buffer = new Uint8Array(1 << 16);
    const first = open_.file.read(buffer);
    assert.match(new TextDecoder().decode(buffer.subarray(0, first)), /^[0-9a-f]{16} \S \S+/);
    open_.file.close();
  });

  test(`${name}: lets time pass while it sleeps`, async () => {
    const machine = open();
    const before = machine.milliseconds();
    await machine.sleep(20);
    assert.ok(machine.milliseconds() > before);
  });
}

test('real: wakes up when the signal aborts', async () => {
  const controller = new AbortController();
  const sleeping = openReal().sleep(3_600_000, controller.signal);
  controller.abort();
  await sleeping;
  await openReal().sleep(3_600_000, controller.signal);
});

test('real: names the holder of the lock', async () => {
  const machine = openReal();
  const lock = await machine.lock('apply fix_one');
  await assert.rejects(machine.lock('undo fix_one'), {
    message: new RegExp(`process ${process.pid}: resplice apply fix_one`),
  });
  await lock.release();
});

test('real: the lock of a killed command is free', async () => {
  const directory = join(scratch, 'killed');
  const module = new URL('../../src/machine/linux-machine.js', import.meta.url).href;
  const code = `const { openMachine } = await import(${JSON.stringify(module)});
    await openMachine({ stateDirectory: ${JSON.stringify(directory)} }).lock('x'); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await assert.rejects(openReal(directory).lock('y'), { code: 'another-command-runs' });
  child.kill('SIGKILL');
  await once(child, 'close');
  await (await openMachine({ stateDirectory: directory, patience: 5000 }).lock('y')).release();
});

test('real: leaves no temporary file beside the state', () => {
  const directory = join(scratch, 'whole');
  openReal(directory).state.write('a.json', Uint8Array.of(1));
  assert.deepEqual(readdirSync(join(directory, 'updates')), ['a.json']);
});

test('real: says where state cannot be written', () => {
  assert.throws(() => openReal(underFile()).state.write('a.json', Uint8Array.of(1)), {
    code: 'state-not-writable',
  });
});

test('real: says that the lock cannot be made', async () => {
  await assert.rejects(openReal(underFile()).lock('x'), { code: 'state-not-writable' });
});

test('a device that the kernel does not have is told by its errno', () => {
  assert.deepEqual(openReal().openDevice('resplice-none'), { ok: false, code: 'ENOENT' });
});
