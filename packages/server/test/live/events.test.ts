// Pages that are open, over HTTP: on one server, on another one of the same PostgreSQL, and after the database was gone.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { organisations } from '../../src/database/schema.js';
import { addJob, claimJob, completeJob, type HeldJob } from '../../src/factory/job-queue.js';
import { factoryWorkers } from '../../src/factory/tables.js';
import {
  announceSilentWorkers,
  announceWorker,
  countJob,
  dismissWorker,
} from '../../src/factory/worker-record.js';
import { startServer } from '../../src/start-server.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { KINDS, makeFolder } from '../support/test-database.js';
import { type Organisation, startTestServer, TestMachine, type TestServer } from '../support/test-server.js';

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

/** An EventSource that remembers. */
class Page {
  readonly events: string[] = [];
  readonly #abort = new AbortController();
  status = 0;
  ended = false;

  async open(address: string, session: string, query = ''): Promise<this> {
    const answer = await fetch(`${address}/api/v1/events${query}`, {
      headers: { authorization: `Bearer ${session}` },
      signal: this.#abort.signal,
    });
    this.status = answer.status;
    void this.#read(answer).catch(() => {
      // Closed by this side.
    });
    return this;
  }

  async #read(answer: Response): Promise<void> {
    let text = '';
    for await (const piece of answer.body ?? []) {
      text += Buffer.from(piece).toString();
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      this.events.push(...parts.filter((part) => part.startsWith('event: ')));
    }
    this.ended = true;
  }

  count(topic: string): number {
    return this.events.filter((each) => each.startsWith(`event: ${topic}\n`)).length;
  }

  async until(test: (page: this) => boolean, what: string): Promise<void> {
    for (let wait = 0; !test(this); wait += 1) {
      assert.ok(wait < 600, `${what}: ${JSON.stringify(this.events)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  close(): void {
    this.#abort.abort();
  }
}

for (const kind of KINDS) {
  describe(`live events, ${kind}`, () => {
    let server: TestServer;
    let own: Organisation;
    let other: Organisation;
    before(async () => {
      server = await startTestServer(kind, cluster);
      own = await server.makeOrganisation('own');
      other = await server.makeOrganisation('other');
    });
    after(() => server.close());
    const open = (session: string, query?: string) => new Page().open(server.running.address, session, query);

    it('tell of the machine that registered and changed, and of nothing that did not change', async () => {
      const page = await open(own.sessions.viewer);
      const stranger = await open(other.sessions.admin);
      await page.until((each) => each.count('ready') === 1, 'ready');
      const machine = new TestMachine(server);
      await machine.register(own.key);
      await page.until((each) => each.events.some((event) => event.includes(machine.id)), 'registered');
      const before = page.count('machines');
      await machine.checkIn();
      await machine.checkIn();
      machine.report = { ...machine.report, health: { state: 'bad', complaints: ['BUG'] } };
      await machine.checkIn();
      await page.until((each) => each.count('machines') > before, 'bad health');
      await new Promise((resolve) => setTimeout(resolve, 700));
      assert.equal(page.count('machines'), before + 1);
      assert.equal(stranger.events.length, 1, `${stranger.events}`);
      page.close();
      stranger.close();
    });

    it('tell of workers that begin, take a job, end one, go home and fall silent', async () => {
      const page = await open(own.sessions.viewer, '?topics=workers');
      await page.until((each) => each.count('ready') === 1, 'ready');
      const { orm } = server.running.service.database;
      const organisationId =
        (await orm.select().from(organisations)).find(({ name }) => name === 'own')?.id ?? assert.fail();
      const told = async (what: string, work: () => Promise<unknown>): Promise<void> => {
        const before = page.count('workers');
        await work();
        await page.until((each) => each.count('workers') > before, what);
        assert.match(page.events.at(-1) ?? '', /"w:1"/, what);
      };
      const worker = { name: 'w:1', kinds: ['split'], processors: 1, version: '1' } as const;
      await told('begins', () => announceWorker(orm, worker));
      const wish = { organisationId, kind: 'split', target: 't', subject: 't', priority: 0 } as const;
      await addJob(orm, wish);
      let job: HeldJob | undefined;
      await told('takes a job', async () => {
        job = await claimJob(orm, 'w:1', ['split']);
      });
      await told('ends it', async () => {
        await completeJob(orm, job ?? assert.fail(), async () => {}, 0);
        await countJob(orm, 'w:1', 'done');
      });
      await orm.update(factoryWorkers).set({ seenAt: sql`now() - interval '65 seconds'` });
      await told('falls silent', () => announceSilentWorkers(orm));
      await told('goes home', () => dismissWorker(orm, 'w:1'));
      assert.deepEqual(await orm.select().from(factoryWorkers), []);
      page.close();
    });

    it('are closed with the session that asked for them, and refused without one', async () => {
      assert.equal((await open('')).status, 401);
      const login = await server.ask<{ session: string }>('POST', '/api/v1/session', {
        body: { name: 'own-operator', password: 'correct horse battery' },
      });
      const page = await open(login.body.session);
      await page.until((each) => each.count('ready') === 1, 'ready');
      assert.equal(server.running.service.live.size > 0, true);
      page.close();
      for (let wait = 0; server.running.service.live.size > 0; wait += 1) {
        assert.ok(wait < 100, 'the server forgets a page that was closed');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });

    it('are not open for one user without end', async () => {
      const pages = await Promise.all(Array.from({ length: 20 }, () => open(own.sessions.reviewer)));
      assert.deepEqual([...new Set(pages.map(({ status }) => status))], [200]);
      assert.equal((await open(own.sessions.reviewer)).status, 429);
      assert.equal((await open(own.sessions.viewer)).status, 200);
      for (const page of pages) page.close();
    });

    it('end with the server, at once', async () => {
      const page = await open(own.sessions.viewer);
      await page.until((each) => each.count('ready') === 1, 'ready');
      const started = Date.now();
      await server.restart();
      assert.ok(Date.now() - started < 20_000);
      await page.until((each) => each.ended, 'end');
    });
  });
}

describe('live events of several servers on one PostgreSQL', () => {
  it('reach the pages of each, and the pages of a server that was cut off are told to look again', async () => {
    const server = await startTestServer('postgresql', cluster);
    const { folder, remove } = await makeFolder();
    const second = await startServer({ ...server.options, folder });
    const own = await server.makeOrganisation('own');
    const page = await new Page().open(second.address, own.sessions.viewer);
    const machine = new TestMachine(server);
    await machine.register(own.key);
    await page.until(
      (each) => each.events.some((event) => event.includes(machine.id)),
      'from the other server',
    );
    await server.running.service.database.run(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'resplice live'`,
      [],
    );
    await page.until((each) => each.count('ready') === 2, 'after the gap');
    const again = new TestMachine(server);
    await again.register(own.key);
    await page.until((each) => each.events.some((event) => event.includes(again.id)), 'after the gap');
    page.close();
    await second.close();
    await server.close();
    await remove();
  });
});
