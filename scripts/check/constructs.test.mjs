// docs/constructs.md names every fixture once, says of those that exist on one kernel only on which, and names none that does not exist.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './source-files.mjs';

const FIXTURES = join(root, 'packages/engine/fixtures');
const text = readFileSync(join(root, 'docs/constructs.md'), 'utf8');
const NAMED = /`([\w.-]+\.(?:ok|same|refused))`(?: (6\.\d+))?/g;

test('docs/constructs.md is the list of the fixtures', () => {
  const tables = text.split('\n').filter((line) => line.startsWith('|'));
  const named = tables.flatMap((line) => [...line.matchAll(NAMED)].map(([, name, on]) => ({ name, on })));
  const fixtures = readdirSync(FIXTURES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(named.map(({ name }) => name).sort(), fixtures.map(({ name }) => name).sort());
  for (const { name, on } of named) {
    const expected = JSON.parse(readFileSync(join(FIXTURES, name, 'expect.json'), 'utf8'));
    assert.equal(on === undefined ? undefined : `${on}-amd64`, expected.on?.[0], name);
  }
});
