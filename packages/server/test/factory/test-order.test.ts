// Which comes first: a test of what was converted, or the next conversion.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { and, eq } from 'drizzle-orm';
import { CANDIDATES_PER_BOOT, lockCandidate, moveCandidate } from '../../src/factory/candidate-change.js';
import { factoryJobs } from '../../src/factory/tables.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { addTestCandidate } from '../support/test-candidate.js';
import { startTestServer, type TestServer } from '../support/test-server.js';

let cluster: Cluster;
let server: TestServer;
let release = '';
before(async () => {
  cluster = await startCluster();
  server = await startTestServer('embedded', cluster);
  const own = await server.makeOrganisation('own');
  const made = await server.ask<{ id: string }>('POST', '/api/v1/factory/releases', {
    as: own.sessions.admin,
    body: { from: '6.1.170-3', to: '6.1.176-1' },
  });
  release = made.body.id;
});
after(async () => {
  await server.close();
  await cluster.stop();
});

it('a full boot of candidates is tested before further conversions, fewer wait for company', async () => {
  const { orm } = server.running.service.database;
  const convert = async (name: string): Promise<number> => {
    const id = await addTestCandidate(server, release, name);
    await orm.transaction(async (transaction) => {
      for (const event of ['begin-conversion', 'found-automatic'] as const)
        await moveCandidate(transaction, await lockCandidate(transaction, id), { event, who: 'worker test' });
    });
    const [job, ...others] = await orm
      .select({ priority: factoryJobs.priority })
      .from(factoryJobs)
      .where(and(eq(factoryJobs.kind, 'test'), eq(factoryJobs.state, 'waiting')));
    assert.deepEqual(others, []);
    return job?.priority ?? -1;
  };
  const priorities: number[] = [];
  for (let n = 1; n <= CANDIDATES_PER_BOOT; n++) priorities.push(await convert(`unit-${n}`));
  const [first = -1] = priorities;
  assert.ok(priorities.slice(0, -1).every((each) => each === first));
  assert.equal(priorities.at(-1), first + 1);
});
