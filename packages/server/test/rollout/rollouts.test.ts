// Roll-outs as machines and people meet them: over HTTP, with the job that advances them called as several workers would.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Rollout, RolloutPlanBody } from '@resplice/protocol/console';
import { sql } from 'drizzle-orm';
import { selectRows } from '../../src/database/database.js';
import type { Item } from '../../src/job/notifier.js';
import { advanceRollouts } from '../../src/rollout/advance.js';
import { audienceOf, isInAudience, ringColumn } from '../../src/rollout/audience.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { KINDS, makeFolder } from '../support/test-database.js';
import { TestRepository } from '../support/test-repository.js';
import {
  KERNEL,
  type Organisation,
  startTestServer,
  TestMachine,
  type TestServer,
} from '../support/test-server.js';

const HOUR_MS = 3_600_000;
const PLAN = {
  rings: [
    { name: 'canary', groups: ['canary'], waitHours: 1, minMachines: 1 },
    { name: 'all', percent: 100, waitHours: 2, minMachines: 2 },
  ],
};
const updates = (...ids: string[]) => ids.map((id) => ({ id, cves: ['CVE-2026-1'], kernel: KERNEL }));
const applied = (id: string) => ({ id, engine: 'livepatch' as const, state: 'applied' as const });

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const kind of KINDS) {
  describe(`roll-outs, ${kind}`, () => {
    let server: TestServer;
    let repository: TestRepository;
    let own: Organisation;
    let canary: TestMachine;
    let others: TestMachine[];
    let remove: () => Promise<void>;
    const told: { event: string; items: readonly Item[] }[] = [];

    before(async () => {
      const made = await makeFolder();
      remove = made.remove;
      repository = await TestRepository.make(join(made.folder, 'site'), updates('fix_1', 'fix_2'));
      server = await startTestServer(kind, cluster, { repository: repository.folder });
      own = await server.makeOrganisation('own');
      canary = new TestMachine(server);
      others = [new TestMachine(server), new TestMachine(server)];
      for (const machine of [canary, ...others]) await machine.register(own.key);
      await asAdmin('PATCH', `/api/v1/machines/${canary.id}`, { group: 'canary' });
      await asAdmin('PUT', '/api/v1/rollout-plans/careful', PLAN);
    });
    after(async () => {
      await server.close();
      await remove();
    });

    async function asAdmin<T = Record<string, unknown>>(
      method: string,
      path: string,
      body?: unknown,
    ): Promise<T> {
      const answer = await server.ask<T>(method, path, {
        as: own.sessions.admin,
        ...(body === undefined ? {} : { body }),
      });
      assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.body)}`);
      return answer.body;
    }
    const start = (...ids: string[]) =>
      asAdmin<Rollout>('POST', '/api/v1/rollouts', { name: ids.join(), updates: ids, plan: 'careful' });
    const show = (id: string) => asAdmin<Rollout>('GET', `/api/v1/rollouts/${id}`);
    const refusal = async (path: string, body: unknown): Promise<number> =>
      (await server.ask('POST', path, { as: own.sessions.admin, body })).status;

    /** What the job does, so many hours from now, by several workers at once. */
    async function advance(hours = 0, workers = 1, mute = false): Promise<void> {
      const { database, levels, catalogue, notifier } = server.running.service;
      const send: typeof notifier.send = async (_organisation, event, items) => {
        if (mute) throw new Error('killed');
        told.push({ event, items });
      };
      const context = {
        orm: database.orm,
        levels,
        catalogue,
        notifier: Object.assign(Object.create(notifier), { send }),
      };
      const now = new Date(Date.now() + hours * HOUR_MS);
      await Promise.all(Array.from({ length: workers }, () => advanceRollouts(context, now)));
    }
    const desired = async (machine: TestMachine) => (await machine.checkIn()).body.desired;
    async function report(machine: TestMachine, change: Partial<TestMachine['report']>): Promise<void> {
      machine.report = { ...machine.report, ...change };
      assert.equal((await machine.checkIn()).status, 200);
    }
    const well = (...ids: string[]) => ({
      updates: ids.map(applied),
      health: { state: 'good' as const, complaints: [] },
    });

    it('reach ring after ring, once machines say they are well and the time is over', async () => {
      const { id } = await start('fix_1');
      assert.deepEqual((await desired(canary)).except, []);
      for (const machine of others) assert.deepEqual((await desired(machine)).except, ['fix_1']);
      await advance(5);
      assert.equal((await show(id)).ring, 0);
      assert.match((await show(id)).next.waitsFor.join(), /good health on 1 machines of the ring, 0 so far/);
      await report(canary, well('fix_1'));
      await advance(0.5);
      assert.equal((await show(id)).ring, 0);
      // Several workers at once open one ring and tell of it once or twice, but never skip one.
      await advance(1.1, 4);
      const second = await show(id);
      assert.deepEqual([second.state, second.ring], ['rolling', 1]);
      assert.deepEqual(
        second.rings.map(({ figures }) => [figures.machines, figures.good]),
        [
          [1, 1],
          [2, 0],
        ],
      );
      for (const machine of others) assert.deepEqual((await desired(machine)).except, []);
      for (const machine of others) await report(machine, well('fix_1'));
      await advance(9);
      assert.equal((await show(id)).state, 'everywhere');
      assert.deepEqual([...new Set(told.map(({ event }) => event))], ['rollout.ring', 'rollout.finished']);
      assert.equal(await refusal(`/api/v1/rollouts/${id}/next`, {}), 409);
    });

    it('are halted and taken back by a bad signal, and people hear why; resuming overrules it, withdrawing ends it', async () => {
      told.length = 0;
      const { id } = await start('fix_2');
      await report(canary, {
        updates: [applied('fix_1'), { ...applied('fix_2'), state: 'failed' }],
        health: { state: 'bad', complaints: ['WARNING: CPU: 0 PID: 1'] },
      });
      await assert.rejects(advance(0, 1, true), /killed/);
      const halted = await show(id);
      assert.equal(halted.state, 'halted');
      assert.equal(halted.halt?.by, 'the gates');
      assert.match(halted.halt?.why ?? '', /1 machine speaks against it \(bad-health\)/);
      assert.deepEqual(halted.halt?.signals, [{ signal: 'bad-health', machine: canary.id }]);
      for (const machine of [canary, ...others]) assert.deepEqual((await desired(machine)).remove, ['fix_2']);
      // The worker that halted it died before anybody was told: the next one tells, and once is enough.
      assert.deepEqual(told, []);
      await advance();
      await advance();
      assert.deepEqual(
        told.map(({ event }) => event),
        ['rollout.halted'],
      );
      const { entries } = await asAdmin<{
        entries: { action: string; actor: string; detail: { why?: string } }[];
      }>('GET', '/api/v1/audit');
      const lines = entries.filter(({ action }) => action === 'rollout.halt');
      assert.deepEqual(
        lines.map(({ actor }) => actor),
        ['the gates'],
      );
      assert.match(lines[0]?.detail.why ?? '', /canary/);

      await advance(1000);
      assert.equal((await show(id)).state, 'halted');
      assert.equal(await refusal(`/api/v1/rollouts/${id}/next`, {}), 409);
      await asAdmin('POST', `/api/v1/rollouts/${id}/resume`, {});
      await advance(0);
      assert.equal((await show(id)).state, 'rolling');
      assert.deepEqual((await desired(canary)).remove, []);
      await report(others[0] ?? assert.fail(), {
        updates: [applied('fix_1'), { ...applied('fix_2'), state: 'failed' }],
      });
      await advance(0);
      assert.equal((await show(id)).state, 'halted', 'another machine is another reason');
      await asAdmin('POST', `/api/v1/rollouts/${id}/withdraw`, { why: 'it is no good' });
      assert.equal((await show(id)).state, 'withdrawn');
      assert.deepEqual((await desired(canary)).remove, ['fix_2']);
      assert.equal(
        await refusal('/api/v1/rollouts', { name: 'x', updates: ['fix_2'], plan: 'careful' }),
        409,
      );
      await asAdmin('POST', '/api/v1/updates/fix_2/restore', {});
      assert.deepEqual(
        (await desired(others[1] ?? assert.fail())).except,
        ['fix_2'],
        'restored is not released',
      );
    });

    it('can be held by a person without taking anything back, and go on without waiting', async () => {
      await repository.publish(updates('fix_1', 'fix_2', 'fix_3'));
      await server.running.service.repository.look();
      const { id } = await start('fix_3');
      for (const machine of [canary, ...others]) await report(machine, well('fix_1'));
      await asAdmin('POST', `/api/v1/rollouts/${id}/halt`, { why: 'the weekend', takeBack: false });
      assert.deepEqual((await desired(canary)).remove, []);
      assert.ok((await desired(canary)).except.includes('fix_3'));
      await asAdmin('POST', `/api/v1/rollouts/${id}/resume`, {});
      assert.equal((await asAdmin<Rollout>('POST', `/api/v1/rollouts/${id}/next`, {})).ring, 1);
      assert.equal(await refusal('/api/v1/updates/fix_3/release', { ring: 9 }), 409);
      assert.equal(
        await refusal('/api/v1/rollouts', { name: 'x', updates: ['fix_3'], plan: 'careful' }),
        409,
      );
      assert.equal((await asAdmin<Rollout>('POST', `/api/v1/rollouts/${id}/next`, {})).state, 'everywhere');
      assert.equal(await refusal('/api/v1/updates/fix_3/release', { ring: 9 }), 200);
    });

    it('begin by themselves for what is published, when the organisation goes by plans', async () => {
      const change = { rollout: 'plan' };
      const as = own.sessions.admin;
      assert.equal((await server.ask('PATCH', '/api/v1/organisation', { as, body: change })).status, 409);
      await asAdmin('PUT', '/api/v1/rollout-plans/careful', { ...PLAN, automatic: true });
      await asAdmin('PATCH', '/api/v1/organisation', change);
      assert.equal((await server.ask('DELETE', '/api/v1/rollout-plans/careful', { as })).status, 409);
      await repository.publish(updates('fix_1', 'fix_2', 'fix_3', 'fix_4', 'fix_5'));
      await server.running.service.repository.look();
      // Before anybody has looked, it goes nowhere.
      assert.deepEqual(
        (await desired(canary)).except.filter((id) => /[45]/.test(id)),
        ['fix_4', 'fix_5'],
      );
      await advance(0, 4);
      const { rollouts } = await asAdmin<{ rollouts: Rollout[] }>('GET', '/api/v1/rollouts?active=yes');
      assert.deepEqual(
        rollouts.map((each) => [each.updates, each.ring]),
        [[['fix_4', 'fix_5'], 0]],
      );
      assert.deepEqual(
        (await desired(canary)).except.filter((id) => /[45]/.test(id)),
        [],
      );
      assert.deepEqual(
        (await desired(others[0] ?? assert.fail())).except.filter((id) => /[45]/.test(id)),
        ['fix_4', 'fix_5'],
      );
      // What was published before is where it was.
      assert.equal((await desired(others[0] ?? assert.fail())).except.includes('fix_1'), false);
    });

    it('pick the same machines in the database and in the answer to a check-in', async () => {
      const rings = [
        { name: 'a', groups: ['canary'], percent: 0, waitHours: 0, minMachines: 0 },
        { name: 'b', groups: [], percent: 30, waitHours: 0, minMachines: 0 },
        { name: 'c', groups: [], percent: 61.5, waitHours: 0, minMachines: 0 },
      ];
      const { orm } = server.running.service.database;
      const [group] = await selectRows<{ id: string; organisation: string }>(
        orm,
        sql`select id, organisation_id organisation from groups where name = 'canary'`,
      );
      const rows = await selectRows<{ id: string; group: string; ring: number }>(
        orm,
        sql`select m.id::text id, case when m.group_id is null then null else 'canary' end "group",
              ${ringColumn('salt', group?.organisation ?? '', rings)} ring
            from (select gen_random_uuid() id, case when i % 10 = 0 then ${group?.id}::uuid end group_id
                  from generate_series(1, 2000) i) m`,
      );
      const counts = [0, 0, 0, 0];
      for (const row of rows) {
        const first = rings.findIndex((_, ring) => isInAudience(row, audienceOf('salt', rings, ring)));
        assert.equal(Number(row.ring), first < 0 ? rings.length : first);
        counts[Number(row.ring)] = (counts[Number(row.ring)] ?? 0) + 1;
      }
      assert.equal(counts[0], 200);
      assert.ok(
        Math.abs((counts[1] ?? 0) - 540) < 100 && Math.abs((counts[2] ?? 0) - 567) < 100,
        `${counts}`,
      );
      assert.equal(isInAudience({ id: 'x', group: 'canary' }, audienceOf('salt', rings, -1)), false);
    });

    it('keep the names of the groups that their plans name, and are counted for Prometheus', async () => {
      const { groups } = await asAdmin<{ groups: { id: string; name: string }[] }>('GET', '/api/v1/groups');
      const path = `/api/v1/groups/${groups.find(({ name }) => name === 'canary')?.id}`;
      const as = own.sessions.admin;
      assert.equal((await server.ask('PATCH', path, { as, body: { name: 'sparrow' } })).status, 409);
      assert.equal((await server.ask('DELETE', path, { as })).status, 409);
      assert.equal((await server.ask('PATCH', path, { as, body: { name: 'canary', ring: 1 } })).status, 200);
      const { body } = await server.ask<string>('GET', '/metrics', { as });
      assert.match(body, /^resplice_rollouts\{state="rolling"\} 1$/m);
    });

    it('go on after a halt whoever spoke against them, also more machines than are named', async () => {
      const many = await server.makeOrganisation('many');
      const as = many.sessions.admin;
      const machine = new TestMachine(server);
      await machine.register(many.key);
      await server.ask('PUT', '/api/v1/rollout-plans/all', {
        as,
        body: { rings: [{ name: 'all', percent: 100 }] },
      });
      const body = { name: 'many', updates: ['fix_1'], plan: 'all' };
      const { id } = (await server.ask<Rollout>('POST', '/api/v1/rollouts', { as, body })).body;
      await report(machine, { ...well('fix_1'), health: { state: 'bad', complaints: ['WARNING'] } });
      await selectRows(
        server.running.service.database.orm,
        sql`insert into machines select (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'machine_id', i::text))).*
            from machines m, generate_series(1, 5001) i where m.id = ${machine.id}`,
      );
      await advance();
      const look = async () => (await server.ask<Rollout>('GET', `/api/v1/rollouts/${id}`, { as })).body;
      assert.match((await look()).halt?.why ?? '', /^5002 machines speak against it/);
      assert.equal((await server.ask('POST', `/api/v1/rollouts/${id}/resume`, { as, body: {} })).status, 200);
      await advance();
      assert.deepEqual([(await look()).state, (await look()).rings[0]?.figures.bad], ['rolling', 5002]);
      await selectRows(
        server.running.service.database.orm,
        sql`delete from staged_rollouts where id = ${id}`,
      );
    });

    it('are not begun by a plan that makes no sense', async () => {
      const bad: Partial<RolloutPlanBody>[] = [
        { rings: [] },
        { rings: [{ name: 'a', groups: [], percent: 50, waitHours: 1, minMachines: 1 }] },
        {
          rings: [
            { name: 'a', groups: [], percent: 0, waitHours: 1, minMachines: 1 },
            { name: 'b', groups: [], percent: 100, waitHours: 1, minMachines: 1 },
          ],
        },
      ];
      for (const body of bad) {
        const { status } = await server.ask('PUT', '/api/v1/rollout-plans/bad', {
          as: own.sessions.admin,
          body,
        });
        assert.equal(status, 400, JSON.stringify(body));
      }
      assert.equal(await refusal('/api/v1/rollouts', { name: 'x', updates: ['fix_4'], plan: 'none' }), 404);
    });

    it('leave machines alone outside their windows, and call them when one opens', async () => {
      const { timeZone } = { timeZone: 'UTC' };
      const soon = new Date(Date.now() + 1800_000);
      const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
      const clock = (at: Date): string => at.toISOString().slice(11, 16);
      const windows = [{ days, from: clock(soon), to: clock(new Date(soon.getTime() + HOUR_MS)), timeZone }];
      await asAdmin('PATCH', '/api/v1/organisation', { windows });
      const { body } = await canary.checkIn();
      assert.equal(body.desired.windows?.[0]?.from.slice(0, 16), soon.toISOString().slice(0, 16));
      assert.ok(
        body.nextCheckInSeconds > 1700 && body.nextCheckInSeconds < 2000,
        `${body.nextCheckInSeconds}`,
      );
      const { groups } = await asAdmin<{ groups: { id: string; name: string }[] }>('GET', '/api/v1/groups');
      const group = groups.find(({ name }) => name === 'canary');
      await asAdmin('PATCH', `/api/v1/groups/${group?.id}`, { windows: [] });
      assert.equal((await desired(canary)).windows, undefined, 'a group without windows has none');
      assert.notEqual((await desired(others[0] ?? assert.fail())).windows, undefined);
      await asAdmin('PATCH', '/api/v1/organisation', { windows: null });
      assert.equal((await desired(others[0] ?? assert.fail())).windows, undefined);
    });
  });
}
