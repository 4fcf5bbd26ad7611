import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { askRunningServer } from '../src/admin/control-socket.js';
import { runAdmin } from '../src/admin/operation.js';
import { openDiskStore } from '../src/artefact/disk-store.js';
import { restoreBackup } from '../src/backup/restore.js';
import { startServer } from '../src/start-server.js';
import { type Cluster, startCluster } from './support/cluster.js';
import { copyEmbedded, KINDS, type Kind, makeFolder } from './support/test-database.js';
import { PASSWORD, startTestServer, TestMachine } from './support/test-server.js';

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

/** To the other kind, so that both are read and written, and the way from one to the other is shown. */
const OTHER: Readonly<Record<Kind, Kind>> = { embedded: 'postgresql', postgresql: 'embedded' };

for (const kind of KINDS) {
  describe(`a backup of a running server, ${kind}`, () => {
    it(`is restored into ${OTHER[kind]}: machines go on, users log in, artefacts are there`, async () => {
      const server = await startTestServer(kind, cluster);
      const own = await server.makeOrganisation('own');
      const machine = new TestMachine(server);
      await machine.register(own.key);
      await machine.checkIn();
      const as = own.sessions.admin;
      await server.ask('PATCH', `/api/v1/machines/${machine.id}`, {
        as,
        body: { group: 'web', tags: ['a', "b'"] },
      });
      const headers = { 'content-type': 'application/octet-stream' };
      await server.ask('PUT', '/api/v1/artefacts/a/b', { as, raw: new Uint8Array([0, 255, 1]), headers });
      const before = await server.ask('GET', `/api/v1/machines/${machine.id}`, { as });

      const file = join(server.folder, 'backup.tar.gz');
      const request = { operation: 'backup' as const, file };
      const { database, artefacts } = server.running.service;
      const made =
        kind === 'embedded'
          ? await askRunningServer(server.options.folder, request)
          : await runAdmin({ database, artefacts, passwordCost: { exponent: 10 } }, request);
      assert.equal(made?.artefacts, 1);

      const { folder, remove } = await makeFolder();
      const url = OTHER[kind] === 'postgresql' ? await cluster.makeDatabase() : undefined;
      if (url === undefined) await copyEmbedded(folder);
      const store = openDiskStore(join(folder, 'artefacts'));
      await restoreBackup({ folder, url }, store, file);
      await assert.rejects(restoreBackup({ folder, url }, store, file), { code: 'database-not-empty' });

      const restored = await startServer({ ...server.options, folder, databaseUrl: url });
      const ask = async (path: string, init: RequestInit = {}) => {
        const answer = await fetch(new URL(path, restored.address), init);
        return { status: answer.status, body: new Uint8Array(await answer.arrayBuffer()) };
      };
      const login = await ask('/api/v1/session', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'own-admin', password: PASSWORD }),
      });
      assert.equal(login.status, 200);
      const { session } = JSON.parse(Buffer.from(login.body).toString());
      const authorization = { headers: { authorization: `Bearer ${session}` } };
      const detail = await ask(`/api/v1/machines/${machine.id}`, authorization);
      assert.deepEqual(JSON.parse(Buffer.from(detail.body).toString()), before.body);
      assert.deepEqual([...(await ask('/api/v1/artefacts/a/b', authorization)).body], [0, 255, 1]);
      const checkIn = await ask('/api/v1/check-in', {
        method: 'POST',
        headers: { authorization: `Bearer ${machine.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          ...machine.next(),
          report: { ...machine.report, health: { state: 'bad', complaints: [] } },
        }),
      });
      assert.equal(checkIn.status, 200, Buffer.from(checkIn.body).toString());
      await restored.close();
      await remove();
      await server.close();
    });
  });
}

describe('a file that is no backup', () => {
  it('is refused, and nothing is made', async () => {
    const { folder, remove } = await makeFolder();
    const file = join(folder, 'x');
    await writeFile(file, 'not a backup');
    const options = { folder: join(folder, 'state') };
    await assert.rejects(restoreBackup(options, openDiskStore(folder), file), { code: 'not-a-backup' });
    await remove();
  });
});
