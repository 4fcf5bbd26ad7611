// Everything that is done to a running kernel, in one boot of the kernel with the holes: a boot costs more than most cases.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import { GuestScript } from '../src/guest-script.js';
import { Workshop } from '../src/workshop.js';
import { alteredCode } from './case/altered-code.js';
import { freshModule } from './case/fresh-module.js';
import { heldTransition } from './case/held-transition.js';
import { killedCommands } from './case/killed-commands.js';
import { moduleExit } from './case/module-exit.js';
import { oneUpdate } from './case/one-update.js';
import { otherBuild } from './case/other-build.js';
import { severalUpdates } from './case/several-updates.js';
import { stackedUpdates } from './case/stacked-updates.js';

const CASES = [
  oneUpdate,
  severalUpdates,
  moduleExit,
  freshModule,
  otherBuild,
  stackedUpdates,
  alteredCode,
  heldTransition,
  killedCommands,
];

const guest = new GuestScript();
let workshop: Workshop | undefined;

before(async () => {
  workshop = await Workshop.open();
  const kernel = await workshop.fetch();
  for (const each of CASES) await each.plan(workshop, guest);
  guest.finish(await runGuest(guest.spec(kernel)));
});

after(() => workshop?.close());

for (const { title, tests } of CASES) describe(title, () => tests(guest));

test('the guest ran to its end', () => {
  assert.equal(guest.result.outcome, 'completed', guest.result.explanation);
});

test('the kernel has nothing to complain about', () => {
  assert.deepEqual(findKernelComplaints(guest.result.kernelLog), []);
});
