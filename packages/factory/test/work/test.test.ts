// Tests of one kernel side by side: which job is at which candidate.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type Cluster, startCluster } from '@resplice/server/cluster';
import {
  addTest,
  addUnits,
  CANDIDATES_PER_BOOT,
  claimJob,
  factoryCandidates,
  factoryReleases,
  hashOf,
  lockCandidate,
  moveCandidate,
  openDatabase,
} from '@resplice/server/factory';
import { sql } from 'drizzle-orm';
import type { JobContext } from '../../src/job-context.js';
import { beginTests } from '../../src/work/test.js';

type Job = JobContext['job'];

const KERNEL = { release: '6.1.0-47-amd64', version: '6.1.170-3' };
const OVER = 8;
const who = 'worker test';
const organisationId = randomUUID();
let cluster: Cluster;
let database: Awaited<ReturnType<typeof openDatabase>>;

before(async () => {
  cluster = await startCluster();
  database = await openDatabase({ url: await cluster.makeDatabase(), folder: '', connections: 4 });
  const { orm } = database;
  await orm.execute(sql`insert into organisations (id, name) values (${organisationId}, 'own')`);
  const release: typeof factoryReleases.$inferInsert = {
    ...{ id: randomUUID(), organisationId, identity: 'a', title: 'a', kernels: [], untiedCves: [] },
    ...{ fromVersion: '6.1.170-3', toVersion: '6.1.176-1' },
    source: 'debian',
    state: 'ready',
    noticedAt: new Date(),
  };
  await orm.insert(factoryReleases).values(release);
  const units = Array.from({ length: CANDIDATES_PER_BOOT + OVER }, (_, at) => ({
    ...{ name: `unit-${at}`, files: [], subjects: [], cves: [], joined: [], sha256: hashOf(`unit-${at}`) },
  }));
  await orm.transaction((transaction) => addUnits(transaction, release, units, [KERNEL], who));
  for (const { id } of await orm.select().from(factoryCandidates))
    await orm.transaction(async (transaction) => {
      for (const event of ['begin-conversion', 'found-automatic'] as const)
        await moveCandidate(transaction, await lockCandidate(transaction, id), { event, who });
    });
});
after(async () => {
  await database.close();
  await cluster.stop();
});

/** As if the time in which it gathers company were over. */
async function claim(): Promise<Job> {
  await database.orm.execute(sql`update factory_jobs set run_after = now() where state = 'waiting'`);
  const job = await claimJob(database.orm, 'test', ['test']);
  assert.ok(job, 'there is a job');
  return job;
}

async function begin(job: Job): Promise<readonly string[]> {
  const begun = await beginTests({ orm: database.orm, job, who });
  return begun.map(({ id }) => id).sort();
}

async function askForMore(): Promise<void> {
  const [candidate] = await database.orm.select().from(factoryCandidates);
  assert.ok(candidate);
  await addTest(database.orm, candidate);
}

test('jobs of one kernel have candidates of their own, and what a dead one had is not lost', async () => {
  const first = await claim();
  await askForMore();
  const second = await claim();
  assert.notEqual(second.id, first.id);
  const [ofFirst, ofSecond] = await Promise.all([begin(first), begin(second)]);
  assert.equal(new Set([...ofFirst, ...ofSecond]).size, CANDIDATES_PER_BOOT + OVER);
  assert.deepEqual([ofFirst.length, ofSecond.length].sort(), [CANDIDATES_PER_BOOT, OVER].sort());

  await askForMore();
  assert.deepEqual(await begin(await claim()), [], 'the others are at everything');

  await database.orm.execute(
    sql`update factory_jobs set leased_until = now() - interval '1 second' where id = ${first.id}`,
  );
  const again = await claim();
  assert.equal(again.id, first.id);
  assert.deepEqual(await begin(again), ofFirst, 'it goes on with what it had begun');

  await database.orm.execute(sql`update factory_jobs set state = 'waiting' where id = ${second.id}`);
  assert.deepEqual(await begin(again), ofFirst, 'what waits for another attempt stays with its job');

  await database.orm.execute(sql`update factory_jobs set state = 'cancelled' where id = ${second.id}`);
  await askForMore();
  assert.deepEqual(await begin(await claim()), ofSecond, 'what a cancelled one had is taken by the next');
});
