// The 6.12 branch: real fixes between probes, exit code of a module, and the guide's example with hooks, in one boot.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import { GuestScript, NOTHING_LEFT } from '../src/guest-script.js';
import { chooseNewerPair } from '../src/kernel-pair.js';
import { Workshop } from '../src/workshop.js';
import { PIPE_REFUSING_STEPS, pipeSize } from './case/guide-pipe-size.js';
import { moduleExit } from './case/module-exit.js';
import { newerFixes } from './case/newer-fixes.js';
import { refusalsLogged } from './expectation.js';

const CASES = [newerFixes, moduleExit, pipeSize];

const guest = new GuestScript();
let workshop: Workshop | undefined;

before(async () => {
  workshop = await Workshop.open(await chooseNewerPair((line) => console.log(line)));
  const kernel = await workshop.fetch();
  for (const each of CASES) await each.plan(workshop, guest);
  guest.inspectKernel('kernel after');
  guest.finish(await runGuest(guest.spec(kernel)));
});

after(() => workshop?.close());

for (const { title, tests } of CASES) describe(title, () => tests(guest));

test('the guest ran to its end, nothing is left, and the kernel complains of nothing but hooks that were to refuse', () => {
  assert.equal(guest.result.outcome, 'completed', guest.result.explanation);
  assert.deepEqual(findKernelComplaints(guest.result.kernelLog), refusalsLogged(guest, PIPE_REFUSING_STEPS));
  assert.deepEqual(guest.kernelState('kernel after'), NOTHING_LEFT);
});
