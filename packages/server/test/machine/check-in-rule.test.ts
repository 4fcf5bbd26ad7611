import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeCheckIn } from '../../src/machine/check-in-rule.js';

const last = { sequence: 5, nonce: 'a', fingerprint: 'f' };
const arrived = (sequence: number, nonce: string, fingerprint = 'f') => ({
  sequence,
  nonce,
  identity: { fingerprint },
});

test('the next one, also ahead of a server that was restored, and on hardware that was exchanged', () => {
  assert.equal(judgeCheckIn(last, arrived(6, 'b')), 'next');
  assert.equal(judgeCheckIn(last, arrived(60, 'b')), 'next');
  assert.equal(judgeCheckIn(last, arrived(6, 'b', 'g')), 'next');
});

test('the last one again, because its answer was lost', () => {
  assert.equal(judgeCheckIn(last, arrived(5, 'a')), 'again');
});

test('a copy: the same sequence made elsewhere, or an older one on other hardware', () => {
  assert.equal(judgeCheckIn(last, arrived(5, 'b')), 'machine-cloned');
  assert.equal(judgeCheckIn(last, arrived(4, 'b', 'g')), 'machine-cloned');
});

test('an old one on the same hardware: repeated, or restored from a snapshot', () => {
  assert.equal(judgeCheckIn(last, arrived(4, 'a')), 'check-in-replayed');
});
