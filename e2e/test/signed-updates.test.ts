// From a publisher to a machine: a repository made by the real commands, and a guest with a stock kernel that believes its root
// and nothing else. At the end the guest forces module signatures, which cannot be taken back: so a boot of its own.

import assert from 'node:assert/strict';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { readUpdate } from '@resplice/update';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import { makeFix } from '../src/fix.js';
import { GuestScript, NOTHING_LEFT } from '../src/guest-script.js';
import { UpdateSite } from '../src/update-site.js';
import { Workshop } from '../src/workshop.js';
import { assertDone, assertError, assertProbe, assertRefused, listed } from './expectation.js';

const ROOT = ['--root', '/etc/root.json'];
const guest = new GuestScript();
let workshop: Workshop | undefined;
let id = '';

before(async () => {
  workshop = await Workshop.open();
  const kernel = await workshop.fetch();
  const { update, probe } = await makeFix(workshop, 'attach-filter');
  id = update.id;
  const { site, signed } = await makeSite(workshop, update.file);
  await copyIn('/repository', join(site, 'public'));
  await copyIn('/older', join(site, 'older'));
  guest.file('/etc/root.json', join(site, 'public/metadata/1.root.json'));
  guest.file('/etc/mok.der', join(site, 'mok.der'));
  const { manifest, files } = await readUpdate(signed);
  guest.file('/updates/signed.ko', files.get(manifest.module.file) ?? Buffer.of());
  const unsigned = guest.update(update);
  const signedFile = guest.file('/updates/signed.splice', signed);

  const upgrade = (name: string, from: string, ...args: string[]) =>
    guest.resplice(name, ['upgrade', '--from', from, ...ROOT, ...args]);
  guest.probe('probe before', probe);
  upgrade('dry run', '/repository', '-n');
  guest.shell(
    'alter the update',
    'cp -r /repository /altered; for f in /altered/targets/*/*/*; do echo x >>$f; done',
  );
  upgrade('upgrade from altered', '/altered');
  guest.inspectKernel('kernel after altered');
  upgrade('upgrade', '/repository');
  guest.probe('probe upgraded', probe);
  upgrade('upgrade again', '/repository');
  upgrade('upgrade from older', '/older');
  guest.resplice('list', ['list']);
  guest.resplice('undo', ['undo', id]);
  guest.probe('probe undone', probe);

  guest.shell('force signatures', 'echo 1 >/sys/module/module/parameters/sig_enforce');
  guest.resplice('apply unsigned', ['apply', unsigned]);
  guest.resplice('apply signed by a stranger', ['apply', signedFile]);
  guest.resplice('judge the certificate', ['keys', 'mok', '--certificate', '/etc/mok.der']);
  guest.shell('what the kernel says', 'insmod /updates/signed.ko');
  guest.inspectKernel('kernel at the end');
  guest.finish(await runGuest(guest.spec(kernel)));
});

after(() => workshop?.close());

/** A repository with the update, its module signed; beside it the state before its last refresh. */
async function makeSite({ directory, target }: Workshop, update: string) {
  const site = await UpdateSite.make(directory, target.release);
  await site.run('keys', 'mok');
  const signed = join(directory, 'signed.splice');
  await site.run('keys', 'sign', update, '-o', signed);
  await site.run('publish', signed);
  await cp(site.public, join(site.folder, 'older'), { recursive: true });
  await site.run('publish');
  return { site: site.folder, signed };
}

async function copyIn(to: string, folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) guest.file(join(to, relative(folder, path)), await readFile(path));
  }
}

const states = (name: string): readonly string[] => {
  const answer = guest.answer(name);
  assertDone(answer);
  return (answer.json.updates as { id: string; state: string }[]).map((each) => `${each.id} ${each.state}`);
};

test('a dry run names the update of this kernel', () => {
  assert.deepEqual(states('dry run'), [`${id} available`]);
});

test('an update that was altered on its way is refused, and nothing is loaded', () => {
  assertError(guest.answer('upgrade from altered'), 4, 'repository-data-endless');
  assert.deepEqual(guest.kernelState('kernel after altered'), NOTHING_LEFT);
});

test('upgrade makes the exposed machine safe, once, and undo takes it back', () => {
  assertProbe(guest, 'probe before', 'exposed');
  assert.deepEqual(states('upgrade'), [`${id} applied`]);
  assertProbe(guest, 'probe upgraded', 'safe');
  assert.deepEqual(states('upgrade again'), [`${id} already-applied`]);
  assert.deepEqual(
    listed(guest.answer('list')).map((each) => each.id),
    [id],
  );
  assertDone(guest.answer('undo'));
  assertProbe(guest, 'probe undone', 'exposed');
});

test('an older state of the repository is refused', () => {
  assertError(guest.answer('upgrade from older'), 4, 'repository-rolled-back');
});

test('where signatures are forced, an update without one is refused before loading', () => {
  assert.equal(guest.ran('force signatures').exitCode, 0, guest.ran('force signatures').stderr);
  assertRefused(guest.answer('apply unsigned'), 'module-must-be-signed');
});

test('where signatures are forced, an update signed by an unknown key is refused before loading, with what to do', () => {
  const [reason] = assertRefused(guest.answer('apply signed by a stranger'), 'module-key-unknown');
  assert.match(
    reason?.found ?? '',
    /none of the \d+ keys that this kernel knows is that of "Resplice updates"/,
  );
  assert.equal(guest.answer('judge the certificate').status, 1);
});

test('the kernel itself finds the signature well-formed, and misses only the key', () => {
  const { exitCode, stdout, stderr } = guest.ran('what the kernel says');
  assert.notEqual(exitCode, 0);
  // Whatever is wrong with a signature, this is what a kernel answers that forces them; its log tells a missing key from a bad signature.
  assert.match(`${stdout}${stderr}`, /Key was rejected by service/);
  assert.match(guest.result.kernelLog, /Loading of module with unavailable key is rejected/);
  assert.deepEqual(guest.kernelState('kernel at the end'), NOTHING_LEFT);
});

test('the guest ran to its end, and its kernel has nothing to complain about', () => {
  assert.equal(guest.result.outcome, 'completed', guest.result.explanation);
  assert.deepEqual(findKernelComplaints(guest.result.kernelLog), []);
});
