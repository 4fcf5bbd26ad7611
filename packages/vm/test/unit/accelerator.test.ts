import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { parseVerdict, probeAccelerator } from '../../src/accelerator.js';

afterEach(() => {
  delete process.env.RESPLICE_ACCEL;
});

test('RESPLICE_ACCEL decides by itself, and a wrong value is refused', async () => {
  process.env.RESPLICE_ACCEL = 'kvm';
  assert.equal(await probeAccelerator('/no/such/kernel'), 'kvm');
  process.env.RESPLICE_ACCEL = 'tcg';
  assert.equal(await probeAccelerator('/no/such/kernel'), 'tcg');
  process.env.RESPLICE_ACCEL = 'xen';
  await assert.rejects(probeAccelerator('/no/such/kernel'), { code: 'accelerator' });
});

test('without a kernel to try, KVM is not believed', async () => {
  process.env.RESPLICE_ACCEL = '';
  assert.equal(await probeAccelerator('/no/such/kernel'), 'tcg');
});

test('a verdict on KVM holds only for the situation it was made in', () => {
  assert.equal(parseVerdict('{"situation":"s","accelerator":"kvm"}', 's'), 'kvm');
  for (const text of ['', '{', 'null', '3', '{"situation":"s"}', '{"situation":"s","accelerator":"x"}']) {
    assert.equal(parseVerdict(text, 's'), undefined, text);
  }
  assert.equal(parseVerdict('{"situation":"other","accelerator":"kvm"}', 's'), undefined);
});
