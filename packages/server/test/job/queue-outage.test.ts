// A database that is away for a moment while jobs run: the process lives, the job is done once, and requests fail at once.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { type JobHandlers, openJobQueue } from '../../src/job/job-queue.js';

const AWAY = 'timeout exceeded when trying to connect';

test('a job ends while the database is away, and is recorded when it is back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'resplice-queue-'));
  const database = await openDatabase({ folder });
  let isAway = false;
  const flaky: Database = {
    ...database,
    run: (text, values) => (isAway ? Promise.reject(new Error(AWAY)) : database.run(text, values)),
  };
  const errors: string[] = [];
  const queue = await openJobQueue(flaky, ({ message }) => errors.push(message));
  let runs = 0;
  const nothing = async () => {};
  const handlers: JobHandlers = {
    ...{
      webhook: nothing,
      mail: nothing,
      tidy: nothing,
      upkeep: nothing,
      sample: nothing,
      rollouts: nothing,
      workers: nothing,
    },
    async mail() {
      runs += 1;
      isAway = true;
    },
  };
  await queue.work(handlers, { pollSeconds: 0.5 });
  const mail = { to: ['admin@example.org'], subject: 'a', text: 'b' };
  await queue.send('mail', mail);
  await until(() => errors.length >= 3);
  await assert.rejects(queue.send('mail', mail), { message: AWAY });
  assert.ok(
    errors.every((message) => message === AWAY),
    String(errors),
  );
  isAway = false;
  const waiting = async () => (await queue.count()).get('mail') ?? 0;
  await until(async () => (await waiting()) === 0);
  assert.equal(runs, 1);
  await queue.close();
  await database.close();
  rmSync(folder, { recursive: true });
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, 'what was waited for has not come');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
