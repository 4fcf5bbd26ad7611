// A machine whose firmware insists on signatures: a stock kernel started by UEFI with Secure Boot, which locks itself down and loads only modules
// whose signer it knows. First it does not know ours; then the owner of the machine enrols the key, and after a reboot the same update is applied.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readUpdate } from '@resplice/update';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import { DB_FILE, encodeEnrolment, makeFirmware } from '../src/firmware.js';
import { makeFix } from '../src/fix.js';
import { GuestScript, NOTHING_LEFT } from '../src/guest-script.js';
import { UpdateSite } from '../src/update-site.js';
import { Workshop } from '../src/workshop.js';
import { assertDone, assertProbe, assertRefused, listed } from './expectation.js';

const stranger = new GuestScript();
const enrolled = new GuestScript();
let workshop: Workshop | undefined;
let id = '';

before(async () => {
  workshop = await Workshop.open();
  const { directory } = workshop;
  const kernel = await workshop.fetch();
  const { update, probe } = await makeFix(workshop, 'attach-filter');
  id = update.id;
  const site = await UpdateSite.make(directory, workshop.target.release);
  await site.run('keys', 'mok');
  const signed = join(directory, 'signed.splice');
  await site.run('keys', 'sign', update.file, '-o', signed);
  const { manifest, files } = await readUpdate(signed);
  const certificate = await readFile(join(site.folder, 'mok.der'));

  const firmware = await makeFirmware(directory);
  for (const guest of [stranger, enrolled]) {
    guest.module('efivarfs');
    guest.file('/etc/mok.der', certificate);
    guest.file('/updates/signed.splice', signed);
    guest.shell('variables', 'modprobe efivarfs && mount -t efivarfs efivarfs /sys/firmware/efi/efivars');
    guest.shell('lockdown', 'cat /sys/kernel/security/lockdown');
    guest.resplice('judge the certificate', ['keys', 'mok', '--certificate', '/etc/mok.der']);
    guest.probe('probe before', probe);
    guest.resplice('apply', ['apply', '/updates/signed.splice']);
  }
  stranger.resplice('apply unsigned', ['apply', stranger.update(update)]);
  stranger.file('/updates/signed.ko', files.get(manifest.module.file) ?? Buffer.of());
  stranger.shell('what the kernel says', 'insmod /updates/signed.ko');
  stranger.inspectKernel('kernel at the end');
  stranger.file('/etc/enrolment', await encodeEnrolment(directory, certificate, new Date()));
  stranger.file('/usr/bin/chattr', '/usr/bin/chattr');
  stranger.shell('enrol', `chattr -i ${DB_FILE} && dd if=/etc/enrolment of=${DB_FILE} bs=64k`);
  stranger.finish(await runGuest(stranger.spec(kernel, { firmware })));

  enrolled.probe('probe applied', probe);
  enrolled.resplice('list', ['list']);
  enrolled.resplice('undo', ['undo', id]);
  enrolled.probe('probe undone', probe);
  enrolled.resplice('apply unsigned', ['apply', enrolled.update(update)]);
  enrolled.inspectKernel('kernel at the end');
  enrolled.finish(await runGuest(enrolled.spec(kernel, { firmware })));
});

after(() => workshop?.close());

test('with Secure Boot the kernel is locked down, and `keys mok` says that it does not know the key and what to do', () => {
  assert.match(stranger.printed('lockdown'), /\[integrity\]/);
  const { status, json } = stranger.answer('judge the certificate');
  assert.equal(status, 1);
  assert.deepEqual([json.secureBoot, json.known], [true, false]);
});

test('an update signed by a key that the kernel does not know is refused before loading, and so is an unsigned one', () => {
  assertProbe(stranger, 'probe before', 'exposed');
  assertRefused(stranger.answer('apply'), 'module-key-unknown');
  assertRefused(stranger.answer('apply unsigned'), 'module-must-be-signed');
  assert.match(stranger.ran('what the kernel says').stderr, /Key was rejected by service/);
  assert.deepEqual(stranger.kernelState('kernel at the end'), NOTHING_LEFT);
});

test('once the key is enrolled, `keys mok` says that the kernel knows it', () => {
  const { exitCode, stderr } = stranger.ran('enrol');
  assert.equal(exitCode, 0, stderr);
  assert.match(enrolled.printed('lockdown'), /\[integrity\]/);
  const answer = enrolled.answer('judge the certificate');
  assertDone(answer);
  assert.deepEqual([answer.json.secureBoot, answer.json.known], [true, true]);
});

test('the same update is then applied, makes the machine safe, and is undone', () => {
  assertProbe(enrolled, 'probe before', 'exposed');
  assertDone(enrolled.answer('apply'));
  assertProbe(enrolled, 'probe applied', 'safe');
  assert.deepEqual(
    listed(enrolled.answer('list')).map((each) => each.id),
    [id],
  );
  assertDone(enrolled.answer('undo'));
  assertProbe(enrolled, 'probe undone', 'exposed');
});

test('an unsigned update is refused as before', () => {
  assertRefused(enrolled.answer('apply unsigned'), 'module-must-be-signed');
  assert.deepEqual(enrolled.kernelState('kernel at the end'), NOTHING_LEFT);
});

test('both guests ran to their end, and their kernels have nothing to complain about', () => {
  for (const { result } of [stranger, enrolled]) {
    assert.equal(result.outcome, 'completed', result.explanation);
    assert.deepEqual(findKernelComplaints(result.kernelLog), []);
  }
});
