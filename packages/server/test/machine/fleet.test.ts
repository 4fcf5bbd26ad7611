// Machines from registration to withdrawal, on both databases.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Cluster, startCluster } from '../support/cluster.js';
import { KINDS, makeFolder } from '../support/test-database.js';
import { TestRepository } from '../support/test-repository.js';
import {
  cloneMachine,
  KERNEL,
  type Organisation,
  startTestServer,
  TestMachine,
  type TestServer,
} from '../support/test-server.js';

const CVE = 'CVE-2026-53236';
const FIX = { id: 'fix_1', cves: [CVE], kernel: KERNEL };
const APPLIED = {
  id: 'fix_1',
  engine: 'livepatch',
  state: 'applied',
  since: '2026-11-25T10:00:00Z',
} as const;

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const kind of KINDS) {
  describe(`a fleet, ${kind}`, () => {
    let server: TestServer;
    let own: Organisation;
    let repository: TestRepository;
    let remove: () => Promise<void>;
    const get = async <T = Record<string, unknown>>(path: string, role: 'viewer' | 'admin' = 'viewer') => {
      const answer = await server.ask<T>('GET', path, { as: own.sessions[role] });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer.body;
    };
    const change = async (
      method: string,
      path: string,
      body: unknown,
      role: keyof Organisation['sessions'] = 'admin',
    ) => {
      const answer = await server.ask(method, path, { as: own.sessions[role], body });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer.body;
    };

    before(async () => {
      const made = await makeFolder();
      remove = made.remove;
      repository = await TestRepository.make(join(made.folder, 'site'), [FIX]);
      server = await startTestServer(kind, cluster, { repository: repository.folder });
      own = await server.makeOrganisation('own');
    });
    after(async () => {
      await server.close();
      await remove();
    });

    it('registers a machine, and says where the updates are', async () => {
      const machine = new TestMachine(server);
      const { status, body } = await machine.register(own.key);
      assert.equal(status, 200);
      assert.equal(body.state, 'active');
      assert.equal(body.repository, `${server.running.address}/repository/`);
      assert.match(body.rootSha256 ?? '', /^[0-9a-f]{64}$/);
      const root = await server.ask('GET', '/repository/metadata/1.root.json');
      assert.equal(root.status, 200);
    });

    it('answers a check-in that is sent again as if it were the first time', async () => {
      const machine = new TestMachine(server);
      await machine.register(own.key);
      const request = machine.next();
      assert.equal((await machine.send(request)).status, 200);
      assert.equal((await machine.send(request)).status, 200);
      assert.equal((await machine.checkIn()).status, 200);
      const detail = await get<{ checkIns: number }>(`/api/v1/machines/${machine.id}`);
      assert.equal(detail.checkIns, 2);
    });

    it('names a replay and a clone, and lets the copy register as a machine of its own', async () => {
      const machine = new TestMachine(server);
      await machine.register(own.key);
      const old = machine.next();
      await machine.send(old);
      await machine.checkIn();
      const replay = await machine.send(old);
      assert.deepEqual([replay.status, replay.body.error?.code], [409, 'check-in-replayed']);

      const copy = cloneMachine(server, machine);
      machine.sequence = 2;
      copy.sequence = 2;
      assert.equal((await machine.checkIn()).status, 200);
      const cloned = await copy.checkIn();
      assert.deepEqual([cloned.status, cloned.body.error?.code], [409, 'machine-cloned']);
      const detail = await get<{ conflict: string }>(`/api/v1/machines/${machine.id}`);
      assert.equal(detail.conflict, 'machine-cloned');
      const listed = await get<{ total: number }>('/api/v1/machines?conflict=true');
      assert.equal(listed.total, 1);

      assert.equal((await copy.register(own.key)).status, 200);
      assert.notEqual(copy.id, machine.id);
      assert.equal((await copy.checkIn()).status, 200);

      const token = machine.token;
      assert.equal((await machine.register(own.key)).body.machine, machine.id);
      assert.equal((await machine.checkIn()).status, 200);
      machine.token = token;
      assert.equal((await machine.checkIn()).status, 401);
      assert.equal((await get<{ conflict: null }>(`/api/v1/machines/${machine.id}`)).conflict, null);
    });

    it('gives a pending machine nothing to do until it is authorised', async () => {
      await change('PATCH', '/api/v1/organisation', { newMachines: 'pending' });
      const machine = new TestMachine(server);
      assert.equal((await machine.register(own.key)).body.state, 'pending');
      const waiting = await machine.checkIn();
      assert.deepEqual(waiting.body.desired, { mode: 'off', updates: [], except: [], remove: [] });
      await change('PATCH', `/api/v1/machines/${machine.id}`, { state: 'active' }, 'operator');
      assert.equal((await machine.checkIn()).body.desired.updates, 'all');
      await change('PATCH', `/api/v1/machines/${machine.id}`, { state: 'denied' }, 'operator');
      assert.equal((await machine.register(own.key)).body.state, 'denied');
      assert.equal((await machine.checkIn()).body.state, 'denied');
      await change('PATCH', '/api/v1/organisation', { newMachines: 'active' });
    });

    it('releases to rings, and withdraws from machines that have the update', async () => {
      const machine = new TestMachine(server);
      await machine.register(own.key);
      const first = await machine.checkIn();
      assert.deepEqual(first.body.desired, { mode: null, updates: 'all', except: [], remove: [] });
      assert.equal(first.body.ring, 9);

      await change('POST', '/api/v1/updates/fix_1/release', { ring: 0 }, 'reviewer');
      assert.deepEqual((await machine.checkIn()).body.desired.except, ['fix_1']);
      await change('POST', '/api/v1/groups', { name: 'early', mode: 'install', ring: 0 }, 'operator');
      await change('PATCH', `/api/v1/machines/${machine.id}`, { group: 'early', tags: ['web'] }, 'operator');
      const early = (await machine.checkIn()).body;
      assert.deepEqual([early.group, early.ring, early.desired.mode], ['early', 0, 'install']);
      assert.deepEqual(early.desired.except, []);

      machine.report = {
        ...machine.report,
        updates: [APPLIED],
        effective: { release: '6.1.176-1', cvesFixed: 1, cvesOpen: 0 },
      };
      await machine.checkIn();
      await change(
        'POST',
        '/api/v1/updates/fix_1/withdraw',
        { reason: 'it makes the network slow' },
        'operator',
      );
      assert.deepEqual((await machine.checkIn()).body.desired.remove, ['fix_1']);
      await change('POST', '/api/v1/updates/fix_1/restore', {}, 'reviewer');
      await change('POST', '/api/v1/updates/fix_1/release', { ring: 9 }, 'reviewer');
      assert.deepEqual((await machine.checkIn()).body.desired.remove, []);
    });

    it('shows machines, figures and CVEs', async () => {
      const behind = new TestMachine(server, { hostname: 'behind.example' });
      await behind.register(own.key);
      const foreign = { ...KERNEL, release: '6.12.1-amd64', buildId: 'd'.repeat(40) };
      const unsupported = new TestMachine(server, { kernel: foreign });
      await unsupported.register(own.key);
      const list = (query: string) =>
        get<{ machines: { machine: string; status: string }[]; total: number }>(`/api/v1/machines?${query}`);
      const found = await list('search=BEHIND');
      assert.deepEqual(
        found.machines.map(({ machine, status }) => [machine, status]),
        [[behind.id, 'outofdate']],
      );
      assert.deepEqual(
        (await list('kernel=6.12')).machines.map(({ status }) => status),
        ['unsupported'],
      );
      assert.equal((await list('tag=web')).total, 1);
      assert.equal((await list('group=early&status=uptodate')).total, 1);
      const open = await list(`cve=${CVE}&cveState=open&limit=500`);
      const fixed = await list(`cve=${CVE}&cveState=fixed`);
      const { cves } = await get<{ cves: { cve: string; open: number; fixed: number }[] }>('/api/v1/cves');
      assert.deepEqual(
        cves.map(({ cve, fixed: count }) => [cve, count]),
        [[CVE, 1]],
      );
      assert.equal(fixed.total, 1);
      const active = (await list('state=active')).total;
      assert.equal(cves[0]?.open, active - 2);
      assert.ok(open.total >= active - 2);
      const fleet = await get<{
        machines: number;
        byStatus: Record<string, number>;
        repository: { problem: null };
      }>('/api/v1/fleet');
      assert.equal(fleet.machines, (await list('')).total);
      assert.equal(fleet.byStatus.unsupported, 1);
      assert.equal(fleet.repository.problem, null);

      await change('PATCH', `/api/v1/machines/${unsupported.id}`, { hidden: true }, 'operator');
      assert.equal((await list('kernel=6.12')).total, 0);
      assert.equal((await list('kernel=6.12&hidden=yes')).total, 1);
    });

    it('goes through all machines by pages', async () => {
      const seen: string[] = [];
      let after = '';
      for (;;) {
        const page = await get<{ machines: { machine: string }[]; total: number; next: string | null }>(
          `/api/v1/machines?limit=2${after}`,
        );
        seen.push(...page.machines.map(({ machine }) => machine));
        if (page.next === null) {
          assert.equal(new Set(seen).size, page.total);
          return;
        }
        after = `&after=${page.next}`;
      }
    });

    it('remembers what became different on a machine', async () => {
      const machine = new TestMachine(server);
      await machine.register(own.key);
      const failed = {
        id: 'fix_1',
        engine: 'livepatch' as const,
        state: 'refused' as const,
        reasons: [{ code: 'not-root' as const, subject: '' }],
      };
      const { report } = machine;
      machine.report = {
        ...report,
        updates: [failed],
        health: { state: 'bad', complaints: ['BUG: unable to handle'] },
      };
      await machine.checkIn();
      const detail = await get<{ events: { kind: string; detail: Record<string, unknown> }[] }>(
        `/api/v1/machines/${machine.id}`,
      );
      assert.deepEqual(detail.events.map(({ kind }) => kind).sort(), [
        'health-changed',
        'registered',
        'updates-changed',
      ]);
    });

    it('speaks the interface of Ksplice', async () => {
      const machine = new TestMachine(server);
      await machine.register(own.key);
      const headers = { 'x-uptrack-key': own.sessions.operator, 'x-uptrack-user': 'somebody' };
      const all = await server.ask<{ uuid: string; authorization: string; status: string }[]>(
        'GET',
        '/api/1/machines',
        { headers },
      );
      assert.equal(all.body.find(({ uuid }) => uuid === machine.id)?.status, 'outofdate');
      const post = (what: string, body: unknown) =>
        server.ask('POST', `/api/1/machine/${machine.id}/${what}`, { headers, body });
      assert.equal((await post('group', { group_name: 'new group' })).status, 200);
      const { body } = await server.ask<{ group: string; steps: unknown[] }>(
        'GET',
        `/api/1/machine/${machine.id}/describe`,
        { headers },
      );
      assert.equal(body.group, 'new group');
      assert.deepEqual(body.steps, [['Install', { ID: 'fix_1', Name: 'fixes fix_1' }]]);
      assert.equal((await post('authorize', { authorized: false })).status, 200);
      const denied = await server.ask<{ authorization: string; steps: unknown[] }>(
        'GET',
        `/api/1/machine/${machine.id}/describe`,
        { headers },
      );
      assert.deepEqual([denied.body.authorization, denied.body.steps], ['denied', []]);
    });

    it('takes over a new state of the repository whole, and a broken one not at all', async () => {
      const second = { id: 'fix_2', cves: ['CVE-2026-1111'], kernel: KERNEL };
      const { repository: watch } = server.running.service;
      const ids = async () => {
        const { updates } = await get<{ updates: { id: string; kernels: { goneAt: string | null }[] }[] }>(
          '/api/v1/updates',
        );
        return updates.filter(({ kernels }) => kernels[0]?.goneAt === null).map(({ id }) => id);
      };
      await repository.publish([FIX, second], { half: true });
      await watch.look();
      assert.deepEqual(await ids(), ['fix_1']);
      await repository.publish([FIX, second]);
      await watch.look();
      assert.deepEqual(await ids(), ['fix_1', 'fix_2']);
      await repository.publish([second]);
      await watch.look();
      assert.deepEqual(await ids(), ['fix_2']);
    });

    it('keeps everything over a restart', async () => {
      const machine = new TestMachine(server);
      await machine.register(own.key);
      await machine.checkIn();
      await server.restart();
      assert.equal((await machine.checkIn()).status, 200);
      const detail = await get<{ checkIns: number }>(`/api/v1/machines/${machine.id}`);
      assert.equal(detail.checkIns, 2);
    });
  });
}
