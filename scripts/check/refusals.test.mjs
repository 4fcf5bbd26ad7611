import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { findTests, REFUSALS_FILE, renderRefusals } from '../refusals.mjs';

test('docs/refusals.md is the list in the code', () => {
  const same = readFileSync(REFUSALS_FILE, 'utf8') === renderRefusals();
  assert.ok(same, 'docs/refusals.md is behind the code; refresh it with "node scripts/refusals.mjs --write"');
});

test('every reason is brought about by a test or a fixture', () => {
  const without = [...findTests()].filter(([, file]) => file === undefined).map(([code]) => code);
  assert.deepEqual(without, []);
});
