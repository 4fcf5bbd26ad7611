import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPassing } from '../../src/database/passing-error.js';

const failing = (code: string) => Object.assign(new Error('away'), { code });

test('a server that is killed, stops or starts is away; a refused statement is not', () => {
  for (const code of ['57P01', '57P02', '57P03', '08006', 'ECONNRESET', 'ENOENT'])
    assert.ok(isPassing(failing(code)), code);
  assert.ok(isPassing(new Error('Connection terminated unexpectedly')));
  for (const code of ['42P01', '23505', '22P02']) assert.ok(!isPassing(failing(code)), code);
});
