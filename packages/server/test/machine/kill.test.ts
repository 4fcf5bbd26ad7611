// A server that is killed at random moments under load, while updates are published: every check-in that was acknowledged is there
// after the next start, and the updates known are those of one state of the repository.

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CheckInRequest } from '@resplice/protocol';
import { sql } from 'drizzle-orm';
import { runAdmin } from '../../src/admin/operation.js';
import { openDiskStore } from '../../src/artefact/disk-store.js';
import { selectRows } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { copyEmbedded, KINDS, makeFolder } from '../support/test-database.js';
import { TestRepository } from '../support/test-repository.js';
import { type AskOptions, CHEAP, KERNEL, PASSWORD, TestMachine } from '../support/test-server.js';

const ROUNDS = 3;
const MACHINES = 12;
/** Updates that are published together: with the first, the last, or not at all. */
const TOGETHER = 5;

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const kind of KINDS) {
  describe(`kill -9, ${kind}`, () => {
    it('loses nothing that was acknowledged, and publishes nothing by half', async () => {
      const { folder, remove } = await makeFolder();
      const state = join(folder, 'state');
      const url = kind === 'postgresql' ? await cluster.makeDatabase() : undefined;
      if (kind === 'embedded') await copyEmbedded(state);
      const key = await makeKey(state, url);
      const repository = await TestRepository.make(join(folder, 'site'), updatesOf(0));

      let address = '';
      let acknowledged = 0;
      const server = {
        ask: <T>(method: string, path: string, options?: AskOptions) =>
          ask<T>(address, method, path, options),
      };
      const machines = Array.from({ length: MACHINES }, () => new DiligentMachine(server));
      for (let round = 0; round <= ROUNDS; round += 1) {
        const child = await start(state, url, repository.folder);
        address = child.address;
        const session = await logIn(server);
        await assertOneState(server, session, round);
        if (round === 0)
          for (const machine of machines) assert.equal((await machine.register(key)).status, 200);
        // At least some for each machine, so that it is known that there was load.
        const enough = acknowledged + MACHINES * 2 + Math.floor(Math.random() * MACHINES * 3);
        let killed = false;
        const kill = async (): Promise<void> => {
          killed = true;
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
          child.process.kill('SIGKILL');
        };
        const load = machines.map(async (machine) => {
          while (await machine.checkInOnce()) {
            acknowledged += 1;
            if (!killed && acknowledged >= enough) await kill();
          }
        });
        await repository.publish(updatesOf(round + 1));
        await Promise.all([child.ended, ...load]);
      }
      await assertKept(state, url, machines);
      await remove();
    });
  });
}

/** As the real client does: a check-in that was not acknowledged is sent again, with the same nonce. */
class DiligentMachine extends TestMachine {
  #pending: CheckInRequest | undefined;

  /** False when the server did not answer. */
  async checkInOnce(): Promise<boolean> {
    this.#pending ??= this.next();
    let answer: Awaited<ReturnType<TestMachine['send']>>;
    try {
      answer = await this.send(this.#pending);
    } catch {
      return false;
    }
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    this.#pending = undefined;
    return true;
  }
}

type Asking = ConstructorParameters<typeof TestMachine>[0];

async function logIn(server: Asking): Promise<string> {
  const body = { name: 'admin', password: PASSWORD };
  return (await server.ask<{ session: string }>('POST', '/api/v1/session', { body })).body.session;
}

/** What is known of the repository is all of one state of it, and the newest: the server has just read it. */
async function assertOneState(server: Asking, as: string, generation: number): Promise<void> {
  const { updates } = (
    await server.ask<{ updates: { id: string; kernels: { goneAt: string | null }[] }[] }>(
      'GET',
      '/api/v1/updates',
      { as },
    )
  ).body;
  const present = updates.filter(({ kernels }) => kernels[0]?.goneAt === null).map(({ id }) => id);
  assert.deepEqual(
    present.sort(),
    updatesOf(generation).map(({ id }) => id),
  );
}

function updatesOf(generation: number) {
  return Array.from({ length: TOGETHER }, (_, at) => ({
    id: `fix_${generation}_${at}`,
    cves: [],
    kernel: KERNEL,
  }));
}

async function makeKey(folder: string, url: string | undefined): Promise<string> {
  const database = await openDatabase({ folder, url });
  const context = { database, artefacts: openDiskStore(join(folder, 'artefacts')), passwordCost: CHEAP };
  await runAdmin(context, {
    operation: 'add-organisation',
    name: 'own',
    administrator: 'admin',
    password: PASSWORD,
  });
  const { key } = await runAdmin(context, { operation: 'add-key', organisation: 'own', name: 'test' });
  await database.close();
  return String(key);
}

async function start(
  folder: string,
  url: string | undefined,
  repository: string,
): Promise<{ process: ChildProcess; address: string; ended: Promise<unknown> }> {
  const program = fileURLToPath(new URL('../support/serve-for-kill.js', import.meta.url));
  const child = fork(program, [folder, url ?? '', repository]);
  const address = await new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve(String(message)));
    child.once('exit', (status) => reject(new Error(`the server ended with ${status}`)));
  });
  return { process: child, address, ended: once(child, 'exit') };
}

async function ask<T>(address: string, method: string, path: string, { as, body }: AskOptions = {}) {
  const answer = await fetch(new URL(path, address), {
    method,
    headers: {
      'content-type': 'application/json',
      ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as T, headers: answer.headers };
}

async function assertKept(folder: string, url: string | undefined, machines: readonly TestMachine[]) {
  const database = await openDatabase({ folder, url });
  const rows = await selectRows<{ id: string; sequence: string | number }>(
    database.orm,
    sql`select id, sequence from machines`,
  );
  const stored = new Map(rows.map(({ id, sequence }) => [id, Number(sequence)]));
  for (const { id, sequence } of machines) {
    const found = stored.get(id) ?? -1;
    // One that was stored and whose acknowledgement the kill swallowed may be there as well.
    assert.ok(found === sequence || found === sequence + 1, `${found} of ${sequence}`);
  }
  // A check-in that was acknowledged and lost would have made the next one run ahead.
  const ahead = await selectRows(
    database.orm,
    sql`select 1 from machine_events where kind = 'sequence-ahead'`,
  );
  assert.deepEqual(ahead, []);
  await database.close();
}
