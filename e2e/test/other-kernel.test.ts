// What is refused whatever the kernel does, in a guest with another kernel than the one the update is for.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import { makeFix } from '../src/fix.js';
import { GuestScript, NOTHING_LEFT } from '../src/guest-script.js';
import { Workshop } from '../src/workshop.js';
import { assertError, assertProbe, assertRefused, listed } from './expectation.js';

const NOBODY = 65534;
const guest = new GuestScript();
let workshop: Workshop | undefined;

before(async () => {
  workshop = await Workshop.open();
  const kernel = await workshop.fetch(workshop.pair.other);
  const { update, probe } = await makeFix(workshop, 'attach-filter');
  const file = guest.update(update);
  const bytes = await readFile(update.file);
  const damaged = new Map([
    ['truncated', bytes.subarray(0, bytes.length >> 1)],
    ['altered', alterByte(bytes, bytes.length >> 1)],
    ['newer', Buffer.from(bytes.toString('latin1').replace('"format":1', '"format":2'), 'latin1')],
  ]);
  guest.probe('probe', probe);
  guest.resplice('apply', ['apply', file]);
  guest.resplice('apply as nobody', ['apply', file], NOBODY);
  for (const [name, content] of damaged) {
    guest.resplice(`apply ${name}`, ['apply', guest.file(`/updates/${name}.splice`, content)]);
  }
  guest.resplice('list', ['list']);
  guest.inspectKernel('kernel after');
  guest.finish(await runGuest(guest.spec(kernel)));
});

after(() => workshop?.close());

test('the probe finds the kernel that has the fix safe', () => {
  assertProbe(guest, 'probe', 'safe');
});

test('an update for another kernel is refused, and the refusal names both kernels', () => {
  const [reason] = assertRefused(guest.answer('apply'), 'wrong-kernel');
  const { release, version, other } = pair();
  for (const word of [release, version, other.release, other.version]) {
    assert.ok(reason?.found.includes(word), `${word} in: ${reason?.found}`);
  }
});

test('all reasons are given together: another kernel, and not root', () => {
  assertRefused(guest.answer('apply as nobody'), 'wrong-kernel', 'not-root');
});

test('a file that is cut off is refused', () => {
  assertError(guest.answer('apply truncated'), 4, 'update-truncated');
});

test('a file with one altered byte is refused', () => {
  assertError(guest.answer('apply altered'), 4, 'update-altered');
});

test('a file in a newer format is refused, and the error says what to update', () => {
  assert.match(assertError(guest.answer('apply newer'), 3, 'update-format-newer'), /update resplice/);
});

test('nothing was loaded or noted', () => {
  assert.deepEqual(listed(guest.answer('list')), []);
  assert.deepEqual(guest.kernelState('kernel after'), NOTHING_LEFT);
});

test('the guest ran to its end, and the kernel has nothing to complain about', () => {
  assert.equal(guest.result.outcome, 'completed', guest.result.explanation);
  assert.deepEqual(findKernelComplaints(guest.result.kernelLog), []);
});

function pair() {
  if (workshop === undefined) throw new Error('the test was not prepared');
  return workshop.pair;
}

function alterByte(bytes: Uint8Array, at: number): Uint8Array {
  const altered = Buffer.from(bytes);
  altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
  return altered;
}
