import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions } from '../src/debian-version.js';

test('orders versions as Debian Policy does', () => {
  const ordered = [
    '6.1~rc1-1',
    '6.1-1',
    '6.1.9-1',
    '6.1.170-3',
    '6.1.176-1~exp1',
    '6.1.176-1',
    '6.1.192-1',
    '6.1.192-2',
    '6.12.107-1~deb12u1',
    '6.12.107-1',
    '6.12.107+x-1',
    '1:5.0-1',
  ];
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries())
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} ${b}`);
  }
});
