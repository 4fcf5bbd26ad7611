// The 6.12 branch: the same chain on a kernel with indirect branch tracking. The patches are edits, so that any version will do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import { attachFilterOnTop } from '../src/fix.js';
import { GuestScript, NOTHING_LEFT } from '../src/guest-script.js';
import { chooseNewerKernel } from '../src/kernel-pair.js';
import { replaceOnce, Workshop } from '../src/workshop.js';
import { assertDone, assertProbe, listed } from './expectation.js';

const guest = new GuestScript();
let workshop: Workshop | undefined;

before(async () => {
  workshop = await Workshop.open(await chooseNewerKernel());
  const kernel = await workshop.fetch();
  const probe = await workshop.compileProbe('attach-filter');
  const moduleProbe = await workshop.compileProbe('alg-assoclen');
  const vmlinux = await workshop.create('vmlinux', [await workshop.rewrite('vmlinux', attachFilterOnTop())]);
  const jump = await workshop.create('jump', [await workshop.rewrite('jump', attachFilterOnTop())], {
    engine: 'trampoline',
  });
  const modulePatch = [
    await workshop.rewrite('module', {
      path: 'crypto/af_alg.c',
      // No address is that long.
      edit: (text) =>
        replaceOnce(
          text,
          'if (addr_len < sizeof(*sa) + 1)',
          'if (addr_len < sizeof(*sa) + 1 || addr_len > 4096)',
        ),
    }),
  ];
  const ofModule = await workshop.create('module', modulePatch);
  const jumpInModule = await workshop.create('module-jump', modulePatch, { engine: 'trampoline' });
  for (const name of ['af_alg', 'algif_skcipher', 'cbc']) guest.module(name);
  guest.probe('before', probe);
  guest.resplice('apply', ['apply', guest.update(vmlinux)]);
  guest.probe('applied', probe);
  guest.resplice('apply to module', ['apply', guest.update(ofModule)]);
  guest.probe('module', moduleProbe);
  guest.inspectKernel('kernel with both');
  guest.resplice('undo', ['undo', vmlinux.id]);
  guest.probe('undone', probe);
  guest.resplice('undo of module', ['undo', ofModule.id]);
  guest.inspectKernel('kernel after');
  guest.resplice('jump: apply', ['apply', guest.update(jump)]);
  guest.probe('jump: applied', probe);
  guest.resplice('jump: apply to module', ['apply', guest.update(jumpInModule)]);
  guest.probe('jump: module', moduleProbe);
  guest.resplice('jump: list', ['list']);
  guest.resplice('jump: undo', ['undo', jump.id]);
  guest.probe('jump: undone', probe);
  guest.resplice('jump: undo of module', ['undo', jumpInModule.id]);
  guest.inspectKernel('jump: kernel after');
  guest.finish(await runGuest(guest.spec(kernel)));
});

after(() => workshop?.close());

test('an update of vmlinux changes what the kernel answers, and undoing brings the old answer back', () => {
  assertProbe(guest, 'before', 'safe');
  assertDone(guest.answer('apply'));
  const { exitCode, stdout } = guest.ran('applied');
  assert.deepEqual([exitCode, /Permission denied/.test(stdout)], [2, true], stdout);
  assertDone(guest.answer('undo'));
  assertProbe(guest, 'undone', 'safe');
});

test('an update of a module that is loaded later leaves it working', () => {
  assert.deepEqual(guest.answer('apply to module').json.pending, ['af_alg']);
  assertProbe(guest, 'module', 'safe');
  assert.equal(guest.kernelState('kernel with both').patches.filter(({ enabled }) => enabled).length, 2);
  assertDone(guest.answer('undo of module'));
  assert.deepEqual(guest.kernelState('kernel after'), NOTHING_LEFT);
});

test('the trampoline engine does the same, with its jump behind ENDBR and the call for ftrace', () => {
  assertDone(guest.answer('jump: apply'));
  const { exitCode, stdout } = guest.ran('jump: applied');
  assert.deepEqual([exitCode, /Permission denied/.test(stdout)], [2, true], stdout);
  assertDone(guest.answer('jump: apply to module'));
  assertProbe(guest, 'jump: module', 'safe');
  const states = listed(guest.answer('jump: list')).map(({ state }) => state);
  assert.deepEqual(states, ['applied', 'applied']);
  assertDone(guest.answer('jump: undo'));
  assertProbe(guest, 'jump: undone', 'safe');
  assertDone(guest.answer('jump: undo of module'));
  assert.deepEqual(guest.kernelState('jump: kernel after'), NOTHING_LEFT);
});

test('the guest ran to its end, and the kernel has nothing to complain about', () => {
  assert.equal(guest.result.outcome, 'completed', guest.result.explanation);
  assert.deepEqual(findKernelComplaints(guest.result.kernelLog), []);
});
