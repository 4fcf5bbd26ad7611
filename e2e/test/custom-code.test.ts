// Updates with code of their own, in one boot: every kind of hook, what the author's guide shows, and two real changes of structures.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findKernelComplaints } from '@resplice/vm';
import { readGuideExamples } from '../src/guide-example.js';
import { startObjectOwner } from '../src/object-owner.js';
import { Workshop } from '../src/workshop.js';
import { GUIDE_EXAMPLES, guideExamples } from './case/guide-examples.js';
import { PIPE_REFUSING_STEPS, pipeSize } from './case/guide-pipe-size.js';
import { hookOrder, REFUSING_STEPS } from './case/hook-order.js';
import { REAL_STRUCTURES, realStructures } from './case/real-structures.js';
import { refusalsLogged } from './expectation.js';
import { shareBoot } from './shared-boot.js';

const CASES = [pipeSize, hookOrder, guideExamples, realStructures];

const guest = shareBoot({ cases: CASES, open: () => Workshop.open(), first: startObjectOwner });

test('every example of the guide is run here, and nothing else is called one', async () => {
  const names = [...(await readGuideExamples()).keys()];
  assert.deepEqual(names.toSorted(), [...GUIDE_EXAMPLES, ...REAL_STRUCTURES].toSorted());
});

test('the guest ran to its end', () => {
  assert.equal(guest.result.outcome, 'completed', guest.result.explanation);
});

test('the kernel has nothing to complain about but hooks that were to refuse', () => {
  const expected = refusalsLogged(guest, [...PIPE_REFUSING_STEPS, ...REFUSING_STEPS]);
  assert.deepEqual(findKernelComplaints(guest.result.kernelLog), expected);
});
