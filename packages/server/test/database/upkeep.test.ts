// The embedded database is kept in shape by a job, for want of PostgreSQL's own processes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestServer } from '../support/test-server.js';

test('the upkeep of an embedded database has it vacuumed', async () => {
  const server = await startTestServer('embedded', undefined, { worker: true });
  const { database, jobs } = server.running.service;
  // -1: neither vacuumed nor analysed since it was made.
  const rowsCounted = async (): Promise<number> =>
    Number(
      (await database.run("select reltuples from pg_class where relname = 'machines'", []))[0]?.reltuples,
    );
  assert.equal(await rowsCounted(), -1);
  await jobs.send('upkeep', {});
  for (let round = 0; round < 120 && (await rowsCounted()) < 0; round += 1) await sleep(250);
  assert.equal(await rowsCounted(), 0);
  await server.close();
});
