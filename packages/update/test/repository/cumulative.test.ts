import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropReplaced } from '../../src/repository/cumulative.js';

const single = (id: string) => ({ id });
const first = { id: 'cum_1', cumulative: { number: 1, contains: ['fix_a'] } };
const second = { id: 'cum_2', cumulative: { number: 2, contains: ['fix_a', 'fix_b'] } };
const ids = (updates: readonly { readonly id: string }[]) => updates.map(({ id }) => id);

test('without a cumulative update, every update counts', () => {
  assert.deepEqual(ids(dropReplaced([single('fix_a'), single('fix_b')])), ['fix_a', 'fix_b']);
});

test('the newest cumulative update takes the place of the ones before and of what it contains', () => {
  const all = [single('fix_a'), single('fix_b'), single('other'), first, second];
  assert.deepEqual(ids(dropReplaced(all)), ['other', 'cum_2']);
});

test('a machine that may not have the newest one yet gets the one before, and nothing that only the newest has', () => {
  const all = [single('fix_a'), single('fix_b'), first, second];
  const meant = all.filter(({ id }) => id !== 'cum_2');
  assert.deepEqual(ids(dropReplaced(meant, all)), ['cum_1']);
});
