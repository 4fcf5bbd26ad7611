import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { probeAccelerator, runGuest } from '../../src/index.js';
import { findTestKernel } from './kernel.js';

let cache: string;

before(async () => {
  cache = await mkdtemp(join(tmpdir(), 'resplice-accelerator-'));
  process.env.XDG_CACHE_HOME = cache;
  delete process.env.RESPLICE_ACCEL;
});
after(() => rm(cache, { recursive: true, force: true }));

test('the verdict on KVM is one that boots a kernel, and is found only once', async () => {
  const verdict = await probeAccelerator(findTestKernel());
  let probes = 0;
  const onProbe = () => {
    probes += 1;
  };
  assert.equal(await probeAccelerator(findTestKernel(), { onProbe }), verdict);
  assert.equal(probes, 0);
  const result = await runGuest({ vmlinuz: findTestKernel(), files: [], steps: [] });
  assert.deepEqual([result.outcome, result.accelerator], ['completed', verdict]);
});
