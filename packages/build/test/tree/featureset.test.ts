import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findFeatureset, parseSeries } from '../../src/tree/featureset.js';

test('rt flavours have patches of their own, others do not', () => {
  assert.equal(findFeatureset('rt-amd64'), 'rt');
  assert.equal(findFeatureset('amd64'), undefined);
  assert.equal(findFeatureset('cloud-amd64'), undefined);
});

test('a series names its patches in order, comments and options aside', () => {
  assert.deepEqual(parseSeries('# one\n0001-a.patch\n\n0002-b.patch -p1 # why\n'), [
    '0001-a.patch',
    '0002-b.patch',
  ]);
});
