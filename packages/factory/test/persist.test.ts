import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobLostError } from '@resplice/server/factory';
import { persist } from '../src/persist.js';

const running = new AbortController().signal;
const failing = (code: string) => Object.assign(new Error('away'), { code });

test('what fails while the database is away is tried again until it is back', async () => {
  let attempts = 0;
  const value = await persist(async () => {
    attempts += 1;
    // As drizzle hands on what the connection said.
    if (attempts < 3) throw new Error('Failed query', { cause: failing('ECONNREFUSED') });
    return 'recorded';
  }, running);
  assert.deepEqual([value, attempts], ['recorded', 3]);
});

test('an answer of the database is not asked for again', async () => {
  let attempts = 0;
  const asking = persist(async () => {
    attempts += 1;
    throw failing('23505');
  }, running);
  await assert.rejects(asking, /away/);
  assert.equal(attempts, 1);
});

test('a job that somebody else has is given up at once', async () => {
  await assert.rejects(
    persist(async () => {
      throw new JobLostError('another worker has it');
    }, running),
    JobLostError,
  );
});
