import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { REFUSALS_FILE, renderRefusals } from '../refusals.mjs';

test('docs/refusals.md is the list in the code; refresh it with "node scripts/refusals.mjs --write"', () => {
  assert.equal(readFileSync(REFUSALS_FILE, 'utf8'), renderRefusals());
});
