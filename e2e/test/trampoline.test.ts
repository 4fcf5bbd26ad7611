// The trampoline engine: the cases of the first engine again, and what only this one can do, in one boot of the kernel with the holes.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import { GuestScript } from '../src/guest-script.js';
import { Workshop } from '../src/workshop.js';
import { alteredCode } from './case/altered-code.js';
import { atomicData } from './case/atomic-data.js';
import { coexistingCode } from './case/coexisting-code.js';
import { cumulativeUpdate } from './case/cumulative-update.js';
import { pipeSize } from './case/guide-pipe-size.js';
import { heldTransition } from './case/held-transition.js';
import { inPlaceData } from './case/in-place-data.js';
import { killedSwitch } from './case/killed-switch.js';
import { oneUpdate } from './case/one-update.js';
import { otherBuild } from './case/other-build.js';
import { severalUpdates } from './case/several-updates.js';
import { stackedUpdates } from './case/stacked-updates.js';
import { switchHooks } from './case/switch-hooks.js';
import { unreachableCode } from './case/unreachable-code.js';
import { waitingModules } from './case/waiting-modules.js';

const CASES = [
  oneUpdate,
  unreachableCode,
  severalUpdates,
  waitingModules,
  otherBuild,
  stackedUpdates,
  alteredCode,
  heldTransition,
  switchHooks,
  pipeSize,
  atomicData,
  inPlaceData,
  coexistingCode,
  cumulativeUpdate,
  killedSwitch,
];

const guest = new GuestScript();
let workshop: Workshop | undefined;

before(async () => {
  workshop = await Workshop.open(undefined, 'trampoline');
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
