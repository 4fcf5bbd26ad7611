// What a machine does at boot with what it had before; each test is one machine and its reboots.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openBootNote, settleBoot } from '../../src/boot/boot-guard.js';
import { reapplyWanted } from '../../src/boot/reapply.js';
import { checkSwitchedOff } from '../../src/boot/switched-off.js';
import { readStatus } from '../../src/status/status.js';
import { takeBack } from '../../src/upgrade/take-back.js';
import { applyAndKeep } from '../../src/upgrade/upgrade.js';
import { BUILD, FakeHost, OTHER_BUILD, sampleUpdate } from '../fake-machine.js';

let host = new FakeHost();
beforeEach(() => {
  host = new FakeHost();
});
afterEach(() => host.close());

const keep = async (...ids: string[]) => {
  for (const id of ids) await applyAndKeep(await host.client(), sampleUpdate(id), host.apply);
};
const boot = async (options: { readonly retry?: boolean } = {}) =>
  reapplyWanted(await host.client(), { apply: host.apply, ...options });
const settle = () => settleBoot(openBootNote(host.places, BUILD));

test('what was active is applied again after a reboot, in the same order', async () => {
  await keep('fix_2', 'fix_1');
  host.reboot();
  const result = await boot();
  assert.deepEqual(
    result.updates.map(({ id, state }) => `${id} ${state}`),
    ['fix_2 applied', 'fix_1 applied'],
  );
  assert.deepEqual(host.applied, ['fix_2', 'fix_1']);
  assert.deepEqual(
    (await boot()).updates.map(({ state }) => state),
    ['already-applied', 'already-applied'],
    'a second run changes nothing',
  );
});

test('another kernel gets nothing of it, and the set waits for the return of its own', async () => {
  await keep('fix_1');
  host.reboot(OTHER_BUILD, '6.1.0-50-amd64', '6.1.176-1');
  assert.deepEqual((await boot()).updates, []);
  assert.deepEqual(host.asked, ['fix_1']);
  host.reboot();
  assert.deepEqual(
    (await boot()).updates.map(({ state }) => state),
    ['applied'],
  );
});

test('an update that was cut off while it was applied is finished by the next boot', async () => {
  await keep('fix_1');
  host.beforeApply = () => {
    throw new Error('the power is gone');
  };
  await assert.rejects(keep('fix_2'), /the power is gone/);
  host.beforeApply = () => {};
  host.reboot();
  assert.deepEqual(
    readStatus(await host.client()).missing.map(({ id }) => id),
    ['fix_1', 'fix_2'],
    'before the boot unit ran, both are said to be missing',
  );
  await boot();
  assert.deepEqual(host.applied, ['fix_1', 'fix_2']);
});

test('an update that was refused or taken back is not tried at the next boot', async () => {
  await keep('fix_1', 'fix_2');
  host.refuses.add('fix_3');
  await keep('fix_3');
  await takeBack(await host.client(), ['fix_1'], host.undo, 'removed');
  host.reboot();
  assert.deepEqual(
    (await boot()).updates.map(({ id }) => id),
    ['fix_2'],
  );
});

test('a boot that did not get far switches it off, says so, and stays so until it is told to go on', async () => {
  await keep('fix_1');
  host.reboot();
  await boot();
  host.reboot(); // the machine crashed: nobody settled that boot
  const crashed = await boot();
  assert.equal(crashed.switchedOff, 'crash-loop');
  assert.deepEqual(host.applied, []);
  host.reboot();
  assert.equal((await boot()).switchedOff, 'crash-loop');
  assert.equal(readStatus(await host.client()).switchedOff, 'crash-loop');
  assert.equal(checkSwitchedOff(await host.client())?.code, 'switched-off');
  assert.equal((await boot({ retry: true })).switchedOff, undefined);
  assert.deepEqual(host.applied, ['fix_1']);
});

test('boots that were settled never switch it off', async () => {
  await keep('fix_1');
  for (let times = 0; times < 3; times += 1) {
    host.reboot();
    assert.equal((await boot()).switchedOff, undefined);
    await settle();
  }
});

test('boot-attempts = 2 forgives one boot that ended early', async () => {
  mkdirSync(dirname(host.places.configuration), { recursive: true });
  writeFileSync(host.places.configuration, 'boot-attempts = 2\n');
  await keep('fix_1');
  const seen: unknown[] = [];
  for (let times = 0; times < 3; times += 1) {
    host.reboot();
    seen.push((await boot()).switchedOff);
  }
  assert.deepEqual(seen, [undefined, undefined, 'crash-loop']);
});

test('the disable file and "noresplice" win', async () => {
  await keep('fix_1');
  host.reboot();
  host.files.set('/proc/cmdline', 'quiet noresplice\n');
  assert.equal((await boot({ retry: true })).switchedOff, 'command-line');
  host.files.set('/proc/cmdline', 'quiet noresplicex\n');
  mkdirSync(dirname(host.places.disable), { recursive: true });
  writeFileSync(host.places.disable, '');
  assert.equal((await boot({ retry: true })).switchedOff, 'file');
  assert.deepEqual(host.applied, []);
});

test('a kept file that was altered is not applied, what requires it waits, and the others are', async () => {
  await keep('fix_1', 'fix_3');
  await applyAndKeep(await host.client(), sampleUpdate('fix_2', { requires: ['fix_1'] }), host.apply);
  writeFileSync(join(host.places.state, 'kernels', BUILD, 'fix_1.splice'), 'something else');
  host.reboot();
  const { updates } = await boot();
  assert.deepEqual(
    updates.map(({ id, state, error }) => `${id} ${state} ${error?.code ?? ''}`.trim()),
    ['fix_1 failed kept-update-damaged', 'fix_3 applied', 'fix_2 waits'],
  );
});

test('a damaged list is an error with its file, and not an empty list', async () => {
  await keep('fix_1');
  writeFileSync(join(host.places.state, 'kernels', BUILD, 'wanted.json'), '{"format":1');
  host.reboot();
  await assert.rejects(boot(), { code: 'state-damaged' });
});
