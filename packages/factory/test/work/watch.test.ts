import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPairs } from '../../src/work/watch.js';

const running = (...versions: string[]) => versions.map((version) => ({ version }));

test('each older kernel of a branch gets the release that leads to the newest of its branch', () => {
  const offered = ['6.1.176-1', '6.1.170-3', '6.1.192-2', '6.12.111-1', '6.12.117-1'];
  assert.deepEqual(findPairs(running('6.12.107-1', '6.1.170-3', '6.1.176-1', '6.1.170-3'), offered), [
    { from: '6.1.170-3', to: '6.1.192-2' },
    { from: '6.1.176-1', to: '6.1.192-2' },
    { from: '6.12.107-1', to: '6.12.117-1' },
  ]);
});

test('6.1 and 6.12 are two branches, and the newest kernel needs nothing', () => {
  assert.deepEqual(findPairs(running('6.1.170-3'), ['6.12.117-1']), []);
  assert.deepEqual(findPairs(running('6.1.192-2'), ['6.1.176-1', '6.1.192-2']), []);
});
