// The file that a module would be loaded from, when it is not loaded yet.

import assert from 'node:assert';
import { test } from 'node:test';
import { checkApply } from '../../src/check/apply-check.js';
import { encodeBuildIdNotes } from '../fake/core-image.js';
import type { FakeMachine } from '../fake/fake-machine.js';
import { encodeModuleFile } from '../fake/module-image.js';
import { FIRST, MODULE_BUILD_ID, makeMachine, makeObject, makeUpdate } from '../fake/situation.js';

const DIRECTORY = '/lib/modules/6.1.0-47-amd64';
const FILE = `${DIRECTORY}/updates/dkms/dummy.ko`;
const OTHER_BUILD_ID = 'bb'.repeat(20);
const UPDATE = makeUpdate('fix_one', {
  objects: [
    makeObject('vmlinux', [FIRST]),
    makeObject('dummy', [{ name: 'dummy_xmit', address: null, code: Buffer.from('9090c3', 'hex') }]),
  ],
});

/** One that depmod has put before the package's. */
function offerDummy(buildId: string): FakeMachine {
  const machine = makeMachine();
  machine.files.set(`${DIRECTORY}/modules.dep`, 'updates/dkms/dummy.ko:\n');
  machine.files.set(FILE, encodeModuleFile(buildId));
  return machine;
}

test('refuses a file of another build, with its path', () => {
  const verdict = checkApply(offerDummy(OTHER_BUILD_ID), UPDATE);
  assert.ok(!verdict.ok);
  assert.deepEqual(
    verdict.reasons.map(({ code, subject }) => [code, subject.object]),
    [['other-module-file', 'dummy']],
  );
  assert.match(
    verdict.reasons[0]?.found ?? '',
    /updates\/dkms\/dummy\.ko, whose build id is bbbb.*expected 8fe4/,
  );
});

test('accepts a file of the right build', () => {
  const verdict = checkApply(offerDummy(MODULE_BUILD_ID), UPDATE);
  assert.ok(verdict.ok);
  assert.deepEqual(verdict.value.notes, []);
});

test('does not look at files when the module is loaded', () => {
  const machine = offerDummy(OTHER_BUILD_ID);
  machine.load('dummy');
  machine.files.set('/sys/module/dummy/notes/.note.gnu.build-id', encodeBuildIdNotes(MODULE_BUILD_ID));
  const verdict = checkApply(machine, UPDATE);
  assert.ok(!verdict.ok || verdict.value.pending.length === 0);
  assert.ok(verdict.ok || verdict.reasons.every(({ code }) => code !== 'other-module-file'));
});

test('on another kernel, says nothing of the files of its modules', () => {
  const machine = offerDummy(OTHER_BUILD_ID);
  machine.files.set('/sys/kernel/notes', encodeBuildIdNotes('cc'.repeat(20)));
  const verdict = checkApply(machine, UPDATE);
  assert.ok(!verdict.ok);
  assert.deepEqual(
    verdict.reasons.map(({ code }) => code),
    ['wrong-kernel'],
  );
});

test('says when a file cannot be compared, which the kernel then does', () => {
  const machine = offerDummy(MODULE_BUILD_ID);
  machine.files.set(FILE, '{EACCES}');
  const verdict = checkApply(machine, UPDATE);
  assert.ok(verdict.ok);
  assert.match(verdict.value.notes.join(), /dummy\.ko cannot be compared with the update now \(EACCES\)/);
});
