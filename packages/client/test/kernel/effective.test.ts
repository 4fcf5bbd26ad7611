import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findEffectiveRelease } from '../../src/kernel/effective.js';
import { findFlavour } from '../../src/service/report.js';

const booted = { release: '6.1.0-47-amd64', version: '6.1.170-3' };
const next = { release: '6.1.0-50-amd64', version: '6.1.176-1' };
const last = { release: '6.1.0-51-amd64', version: '6.1.187-1' };
const known = [
  { id: 'fix_3', brings: last },
  { id: 'fix_1', brings: next },
  { id: 'fix_2', brings: next },
  { id: 'other' },
];
const effective = (...ids: string[]) => findEffectiveRelease(booted, known, new Set(ids));

test('the effective release rises when all updates that bring it are applied', () => {
  assert.deepEqual(effective(), booted);
  assert.deepEqual(effective('fix_1'), booted);
  assert.deepEqual(effective('fix_1', 'fix_2'), next);
  assert.deepEqual(effective('fix_1', 'fix_2', 'fix_3'), last);
});

test('a later release does not count while one before it has a gap', () => {
  assert.deepEqual(effective('fix_1', 'fix_3'), booted);
});

test('it never falls below what was booted, and without a word of the publisher it stays there', () => {
  const older = [{ id: 'fix_1', brings: { release: '6.1.0-40-amd64', version: '6.1.150-1' } }];
  assert.deepEqual(findEffectiveRelease(booted, older, new Set(['fix_1'])), booted);
  assert.deepEqual(findEffectiveRelease(booted, [{ id: 'x' }], new Set(['x'])), booted);
});

test('the flavour is what follows the version in a release', () => {
  assert.equal(findFlavour('6.1.0-47-amd64'), 'amd64');
  assert.equal(findFlavour('6.1.0-47-cloud-amd64'), 'cloud-amd64');
  assert.equal(findFlavour('6.12.107+deb12-rt-amd64'), 'rt-amd64');
  assert.equal(findFlavour('6.12.1'), '');
});
