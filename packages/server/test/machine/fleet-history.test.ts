// The fleet over time: what is kept of each moment, that a moment is kept once, and what is left of it after a month.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { FleetHistory } from '@resplice/protocol/console';
import { eq } from 'drizzle-orm';
import { fleetSamples, organisations } from '../../src/database/schema.js';
import { factoryPriorities } from '../../src/factory/tables.js';
import { sampleFleets, thinSamples } from '../../src/machine/fleet-history.js';
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

const APPLIED = { id: 'fix_1', engine: 'livepatch', state: 'applied' } as const;
const DAY_MS = 86_400_000;

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const kind of KINDS) {
  describe(`fleet history, ${kind}`, () => {
    let server: TestServer;
    let own: Organisation;
    let other: Organisation;
    let remove: () => Promise<void>;
    const read = async (query: string, as: string) =>
      server.ask<FleetHistory>('GET', `/api/v1/fleet/history${query}`, { as });

    before(async () => {
      const made = await makeFolder();
      remove = made.remove;
      const update = { id: 'fix_1', cves: ['CVE-2026-1111', 'CVE-2026-2222'], kernel: KERNEL };
      const repository = await TestRepository.make(join(made.folder, 'site'), [update]);
      server = await startTestServer(kind, cluster, { repository: repository.folder });
      own = await server.makeOrganisation('own');
      other = await server.makeOrganisation('other');
      const machines = [
        { updates: [APPLIED], effective: { release: '6.1.176-1', cvesFixed: 2, cvesOpen: 0 } },
        { updates: [{ ...APPLIED, state: 'available' as const }] },
        { updates: [{ ...APPLIED, state: 'failed' as const }] },
        { updates: [APPLIED], health: { state: 'bad' as const, complaints: ['BUG'] } },
        { updates: [APPLIED], disabled: 'crash-loop' as const },
        { kernel: { ...KERNEL, buildId: 'd'.repeat(40), release: '6.1.0-1-other' } },
      ];
      for (const change of machines) await new TestMachine(server, change).register(own.key);
    });
    after(async () => {
      await server.close();
      await remove();
    });

    it('counts every active machine in one place, once for each quarter of an hour', async () => {
      const { database, levels, catalogue } = server.running.service;
      const context = { orm: database.orm, levels, catalogue };
      const [one] = await database.orm.select().from(organisations).where(eq(organisations.name, 'own'));
      await database.orm.insert(factoryPriorities).values({
        organisationId: one?.id ?? '',
        cve: 'CVE-2026-1111',
        severity: 'high',
        exploited: true,
        importedAt: new Date(),
      });
      const now = new Date();
      await Promise.all([sampleFleets(context, now), sampleFleets(context, now), sampleFleets(context, now)]);
      const { status, body } = await read('', own.sessions.viewer);
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.samples.length, 1);
      const [sample] = body.samples;
      assert.deepEqual(sample?.standing, { safe: 1, exposed: 1, failing: 3, silent: 0, unsupported: 1 });
      assert.deepEqual(sample?.cvesOpen, { critical: 0, high: 1, medium: 0, low: 0, unknown: 1 });
      assert.deepEqual(sample?.effective, { '6.1.176-1': 1, '6.1.170-3': 5 });
      assert.equal((await read('', other.sessions.viewer)).body.samples[0]?.machines, 0);
      const fleet = await server.ask<{ standing: unknown }>('GET', '/api/v1/fleet', {
        as: own.sessions.viewer,
      });
      assert.deepEqual(fleet.body.standing, sample?.standing);
    });

    it('says a machine is silent before it says anything else of it', async () => {
      const { database, levels, catalogue } = server.running.service;
      await database.run(
        `update machines set last_seen_at = now() - interval '4 hours' where health = 'bad'`,
        [],
      );
      const later = new Date(Date.now() + 900_000);
      await sampleFleets({ orm: database.orm, levels, catalogue }, later);
      const { body } = await read(`?to=${later.toISOString()}`, own.sessions.viewer);
      assert.deepEqual(body.samples.at(-1)?.standing, {
        safe: 1,
        exposed: 1,
        failing: 2,
        silent: 1,
        unsupported: 1,
      });
    });

    it('keeps one sample of each day after a month, and shows a year in at most a thousand', async () => {
      const { orm } = server.running.service.database;
      const sample = (await orm.select().from(fleetSamples)).find(({ figures }) => figures.machines === 6);
      if (sample === undefined) throw new Error('no sample');
      const start = Math.floor(Date.now() / DAY_MS) * DAY_MS - 60 * DAY_MS;
      const old = Array.from({ length: 40 * 96 }, (_, at) => ({
        ...sample,
        at: new Date(start + at * 900_000),
      }));
      await orm.insert(fleetSamples).values(old.slice(0, 2000));
      await orm.insert(fleetSamples).values(old.slice(2000));
      const from = new Date(start - 300 * DAY_MS).toISOString();
      const whole = (await read(`?from=${from}`, own.sessions.viewer)).body;
      assert.ok(whole.samples.length > 100 && whole.samples.length <= 1001, `${whole.samples.length}`);
      assert.deepEqual(
        whole.samples.map(({ at }) => at),
        whole.samples.map(({ at }) => at).sort(),
      );
      await thinSamples(orm, new Date());
      await thinSamples(orm, new Date());
      const month = new Date(Date.now() - 31 * DAY_MS);
      const left = (await orm.select().from(fleetSamples)).filter(({ at }) => at < month);
      // The day in which the month begins is whole in its later part.
      assert.equal(left.filter(({ organisationId }) => organisationId === sample.organisationId).length, 30);
    });

    it('says what is wrong with a time', async () => {
      for (const query of ['?from=yesterday', '?from=2026-02-02T00:00:00Z&to=2026-01-01T00:00:00Z'])
        assert.equal((await read(query, own.sessions.viewer)).status, 400, query);
    });
  });
}
