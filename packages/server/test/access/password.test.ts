import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, verifyPassword } from '../../src/access/password.js';
import { waitSeconds } from '../../src/access/throttle.js';

const COST = { exponent: 10 };

test('a password is verified by its hash, which says its cost and differs each time', async () => {
  const [first, second] = await Promise.all([
    hashPassword('grün ist die Hoffnung', COST),
    hashPassword('x', COST),
  ]);
  assert.match(first ?? '', /^scrypt\$10\$/);
  assert.notEqual(await hashPassword('x', COST), second);
  // The same letters, composed and decomposed.
  assert.equal(await verifyPassword('gru\u0308n ist die Hoffnung', first, COST), true);
  assert.equal(await verifyPassword('grün', first, COST), false);
  assert.equal(await verifyPassword('x', undefined, COST), false);
  assert.equal(await verifyPassword('', 'scrypt$10$', COST), false);
});

test('the real cost is what the documentation says: 128 MiB', async () => {
  const { PASSWORD_COST } = await import('../../src/access/password.js');
  assert.equal((128 * 8 * 2 ** PASSWORD_COST.exponent) / 2 ** 20, 128);
});

test('the wait doubles, and ends at a quarter of an hour', () => {
  assert.deepEqual(
    [0, 4, 5, 6, 7, 14, 15, 100].map((failures) => waitSeconds(failures, 5)),
    [0, 0, 1, 2, 4, 512, 900, 900],
  );
});
