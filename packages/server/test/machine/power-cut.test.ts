// The power fails while machines check in with a server on the embedded database: at random moments, in the middle of what it writes, the folder is copied
// with what a disk may have lost. Each copy opens, and has every check-in that was acknowledged by then.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { selectRows } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { UnreliableDisk } from '../support/power-cut.js';
import { makeFolder } from '../support/test-database.js';
import { startTestServer, TestMachine, type TestServer } from '../support/test-server.js';

const MACHINES = 6;
const CUTS = 6;
/** Writes of the database between two cuts: up to so many. */
const APART = 120;

interface Cut {
  readonly folder: string;
  readonly lost: number;
  readonly acknowledged: ReadonlyMap<string, number>;
}

const seed = Date.now() % 1_000_000;
const random = sequence(seed);
const disk = new UnreliableDisk(random);
let server: TestServer;
let place: Awaited<ReturnType<typeof makeFolder>>;

before(async () => {
  place = await makeFolder();
  server = await startTestServer('embedded', undefined);
});
after(async () => {
  await server.close();
  await place.remove();
});

it(`a power cut loses nothing that was acknowledged (seed ${seed})`, { timeout: 300_000 }, async () => {
  const { key } = await server.makeOrganisation('own');
  const machines = Array.from({ length: MACHINES }, () => new TestMachine(server));
  for (const machine of machines) assert.equal((await machine.register(key)).status, 200);

  const cuts: Cut[] = [];
  const acknowledged = new Map(machines.map(({ id, sequence }) => [id, sequence]));
  let wait = Math.floor(random() * APART);
  disk.onWrite = () => {
    wait -= 1;
    if (wait >= 0 || cuts.length === CUTS) return;
    wait = Math.floor(random() * APART);
    const folder = join(place.folder, `cut-${cuts.length}`);
    const lost = disk.cutPower(join(server.options.folder, 'data'), join(folder, 'data'));
    cuts.push({ folder, lost, acknowledged: new Map(acknowledged) });
  };
  const load = machines.map(async (machine) => {
    while (cuts.length < CUTS) {
      // Something new each time, so that more than one row is written.
      machine.report = { ...machine.report, hostname: `host-${machine.sequence}.example.org` };
      assert.equal((await machine.checkIn()).status, 200);
      acknowledged.set(machine.id, machine.sequence);
    }
  });
  await Promise.all(load);
  disk.onWrite = () => {};

  assert.ok(disk.flushes > CUTS, 'the database flushes');
  assert.ok(
    cuts.some(({ lost }) => lost > 0),
    'the cuts lost something',
  );
  for (const cut of cuts) await assertKept(cut);
});

async function assertKept({ folder, acknowledged }: Cut): Promise<void> {
  const database = await openDatabase({ folder });
  const rows = await selectRows<{ id: string; sequence: string; hostname: string }>(
    database.orm,
    sql`select m.id, m.sequence, r.report ->> 'hostname' hostname
        from machines m left join machine_reports r on r.machine_id = m.id`,
  );
  for (const [id, sequence] of acknowledged) {
    const row = rows.find((each) => each.id === id);
    // One whose acknowledgement had not arrived may be there as well.
    const found = Number(row?.sequence);
    assert.ok(found === sequence || found === sequence + 1, `${folder}: ${found} of ${sequence}`);
    if (found > 0) assert.equal(row?.hostname, `host-${found - 1}.example.org`);
  }
  await database.close();
}

/** Mulberry32: the same numbers for the same seed. */
function sequence(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
