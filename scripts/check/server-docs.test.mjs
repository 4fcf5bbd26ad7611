// docs/server.md lists every error of the server and who may do what, docs/factory.md the states of a candidate; all are the tables of the code.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERRORS } from '@resplice/protocol';
import { CANDIDATE_STATES } from '@resplice/protocol/factory';
import { ALL_ROLES, RIGHTS, ROLES } from '@resplice/server';
import { root } from './source-files.mjs';

const text = readFileSync(join(root, 'docs/server.md'), 'utf8');

test('the errors of docs/server.md are those of the protocol', () => {
  const rows = [...text.matchAll(/^\| (\d{3}) \| `([\w-]+)` \| (.+) \|$/gm)];
  const expected = Object.entries(ERRORS).map(([code, { status, title }]) => [String(status), code, title]);
  assert.deepEqual(
    rows.map(([, status, code, title]) => [status, code, title]),
    expected,
  );
});

test('the rights of docs/server.md are those of the server', () => {
  const rows = new Map(
    [...text.matchAll(/^\| `(\w+)` \|((?: x? \|| \|){4}) .+ \|$/gm)].map(([, right, marks]) => [
      right,
      marks
        .split('|')
        .slice(0, 4)
        .map((mark) => mark.trim() === 'x'),
    ]),
  );
  for (const right of Object.keys(RIGHTS))
    assert.deepEqual(
      rows.get(right),
      ALL_ROLES.map((role) => ROLES[role].includes(right)),
      right,
    );
});

test('the states of docs/factory.md are those of the protocol', () => {
  const factory = readFileSync(join(root, 'docs/factory.md'), 'utf8');
  const rows = [...factory.matchAll(/^\| `([\w-]+)` \| (.+) \|$/gm)].map(([, state, title]) => [
    state,
    title,
  ]);
  assert.deepEqual(rows, Object.entries(CANDIDATE_STATES));
});
