// The trampoline engine on the 6.12 branch, where its jumps stand behind ENDBR and the call for ftrace: its cases again, in one boot.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import { GuestScript } from '../src/guest-script.js';
import { chooseNewerPair } from '../src/kernel-pair.js';
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
import { stackedUpdates } from './case/stacked-updates.js';
import { switchHooks } from './case/switch-hooks.js';
import { unreachableCode } from './case/unreachable-code.js';
import { waitingModules } from './case/waiting-modules.js';

const CASES = [
  oneUpdate,
  unreachableCode,
  waitingModules,
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
  workshop = await Workshop.open(await chooseNewerPair((line) => console.log(line)), 'trampoline');
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
