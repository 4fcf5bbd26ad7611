// The 6.12 branch: real fixes between probes, exit code of a module, and the guide's example with hooks, in one boot.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findKernelComplaints } from '@resplice/vm';
import { NOTHING_LEFT } from '../src/guest-script.js';
import { chooseNewerPair } from '../src/kernel-pair.js';
import { Workshop } from '../src/workshop.js';
import { PIPE_REFUSING_STEPS, pipeSize } from './case/guide-pipe-size.js';
import { moduleExit } from './case/module-exit.js';
import { newerFixes } from './case/newer-fixes.js';
import { refusalsLogged } from './expectation.js';
import { shareBoot } from './shared-boot.js';

const CASES = [newerFixes, moduleExit, pipeSize];

const guest = shareBoot({
  cases: CASES,
  open: async () => Workshop.open(await chooseNewerPair((line) => console.log(line))),
  last: (script) => script.inspectKernel('kernel after'),
});

test('the guest ran to its end, nothing is left, and the kernel complains of nothing but hooks that were to refuse', () => {
  assert.equal(guest.result.outcome, 'completed', guest.result.explanation);
  assert.deepEqual(findKernelComplaints(guest.result.kernelLog), refusalsLogged(guest, PIPE_REFUSING_STEPS));
  assert.deepEqual(guest.kernelState('kernel after'), NOTHING_LEFT);
});
