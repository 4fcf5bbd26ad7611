// The kernels that these tests work on: RESPLICE_TEST_KERNELS names fetched ones, as `--kernel` takes them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

export const kernels = (process.env.RESPLICE_TEST_KERNELS ?? '').split(' ').filter((name) => name !== '');

test('there are kernels to look at', () => {
  assert.notEqual(kernels.length, 0, 'set RESPLICE_TEST_KERNELS to fetched kernels');
});
