// docs/update-format.md describes every field of the manifest and every kind of site, and none that does not exist.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  CodeSite,
  FORMAT_VERSION,
  Manifest,
  PatchedObject,
  ReplacedFunction,
  Trampoline,
} from '@resplice/update';
import { root } from './source-files.mjs';

const text = readFileSync(join(root, 'docs/update-format.md'), 'utf8');

/** Names in code quotes in the first column of the table below the heading that begins so; `a.b`, `a[]` count as `a`. */
function readColumn(heading) {
  const section = text.slice(text.indexOf(`\n${heading}`) + 1);
  const table = section.slice(section.indexOf('\n|'), section.indexOf('\n\n', section.indexOf('\n|')));
  const cells = [...table.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell]) => [
    ...cell.matchAll(/`([^`]+)`/g),
  ]);
  return new Set(cells.map(([, name]) => name.replace(/[.[].*$/, '')));
}

for (const [heading, schema] of [
  ['## The manifest', Manifest],
  ['### `objects[]`', PatchedObject],
  ['### `objects[].functions[]`', ReplacedFunction],
  ['### `trampoline`', Trampoline],
]) {
  test(`the table under "${heading}" has the fields of the schema`, () => {
    assert.deepEqual([...readColumn(heading)].sort(), Object.keys(schema.shape).sort());
  });
}

test('the table of sites has the kinds of the schema', () => {
  assert.deepEqual([...readColumn('### `sites[]`')].sort(), [...CodeSite.shape.kind.options].sort());
});

test('the document names the version of the format that is written', () => {
  assert.match(text, new RegExp(`^# The update file \\(\`\\.splice\`\\), format ${FORMAT_VERSION}\n`));
});
