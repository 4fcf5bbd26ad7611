// The list of machines in each of its orders: all of them once, whatever the size of the page and whatever happens between two pages.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { MachineDetail, MachinePage, MachineSummary } from '@resplice/protocol/console';
import { type Cluster, startCluster } from '../support/cluster.js';
import { KINDS } from '../support/test-database.js';
import { CLOUD, NEWER } from '../support/test-fleet.js';
import {
  type Answer,
  KERNEL,
  type Organisation,
  startTestServer,
  TestMachine,
  type TestServer,
} from '../support/test-server.js';

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const kind of KINDS) {
  describe(`the list of machines, ${kind}`, () => {
    let server: TestServer;
    let own: Organisation;
    const machines = new Map<string, TestMachine>();

    before(async () => {
      server = await startTestServer(kind, cluster);
      own = await server.makeOrganisation('own');
      for (const [hostname, kernel] of [
        ['bravo', NEWER],
        ['Alpha', KERNEL],
        ['delta', CLOUD],
        ['charlie', KERNEL],
        ['échelon', NEWER],
        ['bravo', KERNEL],
      ] as const) {
        const machine = new TestMachine(server, { hostname, kernel });
        await machine.register(own.key);
        await machine.checkIn();
        machines.set(machine.id, machine);
      }
      const [first] = machines.values();
      assert.ok(first);
      first.report = { ...first.report, health: { state: 'bad', complaints: ['BUG'] } };
      await first.checkIn();
    });
    after(() => server.close());

    async function readAll(
      query: string,
      between: () => Promise<unknown> = async () => {},
    ): Promise<readonly MachineSummary[]> {
      const all: MachineSummary[] = [];
      let next: string | null = '';
      while (next !== null) {
        const from: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
        const { status, body }: Answer<MachinePage> = await server.ask<MachinePage>(
          'GET',
          `/api/v1/machines?${query}&limit=2${from}`,
          {
            as: own.sessions.viewer,
          },
        );
        assert.equal(status, 200, JSON.stringify(body));
        all.push(...body.machines);
        next = body.next;
        await between();
      }
      assert.equal(new Set(all.map(({ machine }) => machine)).size, all.length, query);
      return all;
    }

    it('is ordered by name without regard to case', async () => {
      const names = ['Alpha', 'bravo', 'bravo', 'charlie', 'delta', 'échelon'];
      const read = async (order: string) =>
        (await readAll(`sort=name&order=${order}`)).map(({ hostname }) => hostname);
      assert.deepEqual(await read('asc'), names);
      assert.deepEqual(await read('desc'), names.toReversed());
    });

    it('is ordered by kernel and effective version as versions go, 6.1 before 6.12', async () => {
      const releases = (await readAll('sort=kernel')).map(({ kernel }) => kernel.release);
      assert.deepEqual(releases, [
        ...Array(3).fill(KERNEL.release),
        CLOUD.release,
        ...Array(2).fill(NEWER.release),
      ]);
      const effective = (await readAll('sort=effective&order=desc')).map(({ effective: release }) => release);
      assert.equal(effective.length, machines.size);
    });

    it('begins with what somebody should look at', async () => {
      const [worst] = await readAll('sort=state');
      assert.equal(worst?.health, 'bad');
      const all = await readAll('sort=state&order=desc');
      assert.equal(all.at(-1)?.health, 'bad');
    });

    it('loses no machine that checks in while somebody turns pages', async () => {
      const [oldest] = await readAll('sort=seen');
      // At the end of the list before it, and at its beginning from then on.
      const checkIn = () => machines.get(oldest?.machine ?? '')?.checkIn() ?? assert.fail();
      const found = await readAll('sort=seen&order=desc', checkIn);
      for (const id of machines.keys())
        if (id !== oldest?.machine) assert.ok(found.some(({ machine }) => machine === id));
      const seen = (await readAll('sort=seen')).map(({ lastSeenAt }) => lastSeenAt);
      assert.equal(seen.length, machines.size);
      assert.deepEqual(seen, seen.toSorted());
    });

    it('says what is no page', async () => {
      for (const bad of ['nonsense', Buffer.from('["x"]').toString('base64url')]) {
        const { status } = await server.ask('GET', `/api/v1/machines?sort=name&after=${bad}`, {
          as: own.sessions.viewer,
        });
        assert.equal(status, 400, bad);
      }
      // Of another order.
      const { body } = await server.ask<MachinePage>('GET', '/api/v1/machines?sort=name&limit=1', {
        as: own.sessions.viewer,
      });
      const { status } = await server.ask('GET', `/api/v1/machines?sort=seen&after=${body.next}`, {
        as: own.sessions.viewer,
      });
      assert.equal(status, 400);
    });

    it('tells of one machine when it may install and in which ring it is', async () => {
      const [id] = machines.keys();
      const show = async () =>
        (await server.ask<MachineDetail>('GET', `/api/v1/machines/${id}`, { as: own.sessions.viewer })).body;
      assert.deepEqual((await show()).place, { windows: [], windowsOf: null, opens: null, rollouts: [] });
      const windows = [{ days: ['sat', 'sun'], from: '22:00', to: '04:00', timeZone: 'Europe/Berlin' }];
      await server.ask('PATCH', '/api/v1/organisation', { as: own.sessions.admin, body: { windows } });
      const { place } = await show();
      assert.deepEqual([place.windows, place.windowsOf], [windows, 'organisation']);
      assert.match(place.opens?.from ?? '', /T2[01]:00:00/);
    });
  });
}
