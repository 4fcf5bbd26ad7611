// The queue of the factory on both databases: leases, renewals, attempts, order, and what two workers at once may not do.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { eq, sql } from 'drizzle-orm';
import {
  addJob,
  appendLog,
  cancelJobs,
  claimJob,
  completeJob,
  failJob,
  type HeldJob,
  JobLostError,
  listLost,
  readLog,
  renewJob,
  returnJob,
} from '../../src/factory/job-queue.js';
import { factoryCandidates, factoryJobs } from '../../src/factory/tables.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { addTestCandidate } from '../support/test-candidate.js';
import { KINDS } from '../support/test-database.js';
import { type Organisation, startTestServer, type TestServer } from '../support/test-server.js';

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const kind of KINDS) {
  describe(`the queue of the factory, ${kind}`, () => {
    let server: TestServer;
    let own: Organisation;
    let organisationId = '';
    const orm = () => server.running.service.database.orm;
    const add = (target: string, priority = 0) =>
      addJob(orm(), { organisationId, kind: 'split', target, subject: target, priority });
    const claim = async (worker = 'a'): Promise<HeldJob> => {
      const job = await claimJob(orm(), worker, ['split', 'convert']);
      assert.ok(job, 'there is a job');
      return job;
    };
    const nothing = async (): Promise<void> => {};
    const expire = (job: HeldJob) =>
      orm()
        .update(factoryJobs)
        .set({ leasedUntil: sql`now() - interval '1 second'` })
        .where(eq(factoryJobs.id, job.id));
    const stateOf = async (job: HeldJob) =>
      (await orm().select().from(factoryJobs).where(eq(factoryJobs.id, job.id)))[0]?.state;

    before(async () => {
      server = await startTestServer(kind, cluster);
      own = await server.makeOrganisation('own');
      const release = await server.ask<{ id: string }>('POST', '/api/v1/factory/releases', {
        as: own.sessions.admin,
        body: { from: '6.1.170-3', to: '6.1.176-1' },
      });
      await addTestCandidate(server, release.body.id);
      organisationId = (await orm().select().from(factoryCandidates))[0]?.organisationId ?? '';
    });
    beforeEach(async () => {
      await orm().delete(factoryJobs);
    });
    after(() => server.close());

    it('gives the most urgent job first, then the oldest, and each to one worker', async () => {
      await add('old');
      await add('urgent', 1000);
      await add('new');
      const taken = [await claim('a'), await claim('b'), await claim('a')].map(({ target }) => target);
      assert.deepEqual(taken, ['urgent', 'old', 'new']);
      assert.equal(await claimJob(orm(), 'b', ['split']), undefined);
    });

    it('gives jobs that are asked for at once to different workers', async () => {
      for (const target of ['1', '2', '3', '4']) await add(target);
      const taken = await Promise.all(['a', 'b', 'c', 'd'].map((worker) => claim(worker)));
      assert.equal(new Set(taken.map(({ id }) => id)).size, 4);
    });

    it('holds a waiting job once, and moves it forward when it is asked for more urgently', async () => {
      await add('same', 1);
      await add('same', 7);
      const job = await claim();
      assert.equal(job.priority, 7);
      assert.equal(await claimJob(orm(), 'b', ['split']), undefined);
    });

    it('holds a job once that many ask for at the same moment', async () => {
      await Promise.all(Array.from({ length: 8 }, (_, at) => add('same', at)));
      const rows = await orm().select().from(factoryJobs);
      assert.deepEqual(
        rows.map(({ target, priority }) => [target, priority]),
        [['same', 7]],
      );
    });

    it('goes on with the job that has begun when the same was asked for meanwhile', async () => {
      for (const back of [
        (job: HeldJob) => failJob(orm(), job, { problem: 'disk full', isFinal: false }, nothing),
        (job: HeldJob) => returnJob(orm(), job),
      ]) {
        await orm().delete(factoryJobs);
        await add('same');
        const job = await claim();
        await add('same');
        await back(job);
        const rows = await orm().select().from(factoryJobs);
        assert.deepEqual(rows.map(({ id, state }) => [id === job.id, state]).sort(), [
          [false, 'cancelled'],
          [true, 'waiting'],
        ]);
      }
    });

    it('runs no two jobs of one target at a time', async () => {
      await add('same');
      const first = await claim();
      await add('same');
      assert.equal(await claimJob(orm(), 'b', ['split']), undefined);
      await completeJob(orm(), first, nothing, 0);
      assert.equal((await claim('b')).target, 'same');
    });

    it('runs several tests of one kernel at a time', async () => {
      const wish = { organisationId, kind: 'test', target: 'same', subject: 'same', priority: 0 } as const;
      const claimTest = async () => {
        await addJob(orm(), wish);
        await orm().update(factoryJobs).set({ runAfter: sql`now()` });
        return claimJob(orm(), 'a', ['test']);
      };
      const taken = [await claimTest(), await claimTest()].map((job) => job?.id);
      assert.equal(new Set(taken).size, 2);
      assert.ok(!taken.includes(undefined));
    });

    it("gives a silent worker's job to the next one, and takes nothing more from the first", async () => {
      await add('job');
      const first = await claim('a');
      assert.equal(await renewJob(orm(), first, undefined), true);
      await expire(first);
      const second = await claim('b');
      assert.equal(second.id, first.id);
      assert.equal(second.attempt, 2);
      assert.equal(await renewJob(orm(), first, undefined), false);
      let recorded = false;
      const record = async (): Promise<void> => {
        recorded = true;
      };
      await assert.rejects(completeJob(orm(), first, record, 0), JobLostError);
      assert.equal(recorded, false);
      await completeJob(orm(), second, record, 5);
      assert.equal(recorded, true);
    });

    it('ends a job together with what came of it, or neither', async () => {
      await add('job');
      const job = await claim();
      const breaking = completeJob(
        orm(),
        job,
        async (transaction) => {
          await transaction.update(factoryCandidates).set({ functions: 99 });
          throw new Error('the disk is full');
        },
        0,
      );
      await assert.rejects(breaking, /disk is full/);
      assert.equal(await stateOf(job), 'running');
      assert.deepEqual(
        (await orm().select().from(factoryCandidates)).map(({ functions }) => functions),
        [0],
      );
    });

    it('tries again later each time, and gives up after the last attempt', async () => {
      await add('job');
      let gaveUp = 0;
      const giveUp = async (): Promise<void> => {
        gaveUp += 1;
      };
      let last = -1;
      for (let attempt = 1; ; attempt++) {
        const job = await claim();
        assert.equal(job.attempt, attempt);
        await failJob(orm(), job, { problem: 'no network', isFinal: false }, giveUp);
        const [row] = await orm().select().from(factoryJobs).where(eq(factoryJobs.id, job.id));
        if (row?.state === 'failed') break;
        assert.equal(row?.state, 'waiting');
        const wait = row.runAfter.getTime() - Date.now();
        assert.ok(wait > last, `waits ${wait} ms after attempt ${attempt}, ${last} before`);
        last = wait;
        await orm().update(factoryJobs).set({ runAfter: sql`now()` });
      }
      assert.equal(gaveUp, 1);
    });

    it('gives up at once when another attempt would fail in the same way', async () => {
      await add('job');
      const job = await claim();
      await failJob(orm(), job, { problem: 'no such unit', isFinal: true }, nothing);
      assert.equal(await stateOf(job), 'failed');
    });

    it('does not count an attempt that a worker gives back when it goes home', async () => {
      await add('job');
      await returnJob(orm(), await claim('a'));
      assert.equal((await claim('b')).attempt, 1);
    });

    it('lists jobs that took all their workers with them, and gives them to nobody', async () => {
      await add('job');
      let job = await claim();
      while (job.attempt < job.attempts) {
        await expire(job);
        job = await claim();
      }
      await expire(job);
      assert.equal(await claimJob(orm(), 'a', ['split']), undefined);
      assert.deepEqual(
        (await listLost(orm())).map(({ id }) => id),
        [job.id],
      );
    });

    it("takes a cancelled candidate's job from its worker", async () => {
      const [candidate] = await orm().select().from(factoryCandidates);
      assert.ok(candidate);
      const { id } = candidate;
      await addJob(orm(), {
        organisationId,
        kind: 'convert',
        target: id,
        subject: 'x',
        candidateId: id,
        priority: 0,
      });
      const job = await claim();
      await cancelJobs(orm(), id);
      assert.equal(await renewJob(orm(), job, undefined), false);
      await assert.rejects(completeJob(orm(), job, nothing, 0), JobLostError);
    });

    it('keeps the log of a job in order, readable while it grows', async () => {
      await add('job');
      const job = await claim();
      await appendLog(orm(), job, 'one\n');
      const first = await readLog(orm(), job.id, 0);
      await appendLog(orm(), job, 'two\n');
      assert.equal(first.text, 'one\n');
      assert.deepEqual(await readLog(orm(), job.id, first.next), { text: 'two\n', next: 2 });
      assert.deepEqual(await readLog(orm(), job.id, 2), { text: '', next: 2 });
    });
  });
}
