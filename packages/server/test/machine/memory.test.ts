// What is kept in memory has an end, however many machines there are and however they lie.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Orm } from '../../src/database/database.js';
import { PatchLevelIndex, patchLevelOf, type WantedLevel } from '../../src/machine/patch-level.js';
import { Metrics } from '../../src/metrics.js';
import { makeReport } from '../support/test-server.js';

const LEVEL = patchLevelOf(makeReport());

/** An id for each insert, as the database gives. */
function fakeDatabase() {
  const database = { inserts: 0 };
  const execute = async () => {
    database.inserts += 1;
    return { rows: [{ id: String(database.inserts) }] };
  };
  return Object.assign(database, { orm: { execute } as unknown as Pick<Orm, 'execute'> });
}

test('patch levels are remembered after their transaction, and not without an end', async () => {
  const index = new PatchLevelIndex();
  const database = fakeDatabase();
  const want = (hash: string): WantedLevel => ({ organisationId: 'o', hash, level: LEVEL });
  const first = await index.resolve(database.orm, [want('a')]);
  const id = first.find('o', 'a');
  await index.resolve(database.orm, [want('a')]);
  assert.equal(database.inserts, 2, 'what is not committed is not remembered');
  index.remember(first);
  const again = await index.resolve(database.orm, [want('a')]);
  assert.deepEqual([again.find('o', 'a'), database.inserts], [id, 2]);

  for (let round = 0; round < 60; round += 1) {
    const wanted = Array.from({ length: 1000 }, (_, at) => want(`${round}-${at}`));
    index.remember(await index.resolve(database.orm, wanted));
  }
  const before = database.inserts;
  await index.resolve(database.orm, [want('0-0')]);
  assert.equal(database.inserts, before + 1, 'the oldest were let go');
});

test('figures for Prometheus do not grow with what callers ask for', () => {
  const metrics = new Metrics();
  for (let at = 0; at < 1000; at += 1) metrics.countCheckIn('recorded');
  assert.match(metrics.render(new Map()), /resplice_check_ins_total\{outcome="recorded"\} 1000/);
  assert.equal(metrics.render(new Map()).split('\n').length, 8);
});
