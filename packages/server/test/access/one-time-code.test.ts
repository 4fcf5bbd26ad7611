import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBase32, encodeBase32, findStep, stepAt, totpCode } from '../../src/access/one-time-code.js';

/** RFC 6238, appendix B, the last six digits. */
const SECRET = encodeBase32(Buffer.from('12345678901234567890'));
const VECTORS: readonly (readonly [number, string])[] = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
];

test('codes are those of RFC 6238', () => {
  for (const [seconds, code] of VECTORS) assert.equal(totpCode(SECRET, Math.floor(seconds / 30)), code);
});

test('base32 is read back', () => {
  const bytes = Buffer.from('00ff10aa5501020304050607080910111213', 'hex').subarray(0, 15);
  assert.deepEqual(decodeBase32(encodeBase32(bytes)), bytes);
});

test('a code is good a step early or late, and never at or before the last one that was used', () => {
  const now = new Date(1_234_567_890_000);
  const step = stepAt(now);
  for (const at of [step - 1, step, step + 1])
    assert.equal(findStep(SECRET, totpCode(SECRET, at), now, 0), at);
  for (const at of [step - 2, step + 2])
    assert.equal(findStep(SECRET, totpCode(SECRET, at), now, 0), undefined);
  assert.equal(findStep(SECRET, totpCode(SECRET, step), now, step), undefined);
  assert.equal(findStep(SECRET, 'abcdef', now, 0), undefined);
});
