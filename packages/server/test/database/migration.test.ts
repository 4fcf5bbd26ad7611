// Every version of the schema that there was, with rows in it, is brought to the present one; and what cannot be is refused untouched. What a
// new migration makes room for gets rows in test/database/rows/N.sql, which lie on top of those of the versions before it.

import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { selectRows } from '../../src/database/database.js';
import { listMigrations, MIGRATIONS, migrateDatabase } from '../../src/database/migration.js';
import { openDatabase } from '../../src/database/open-database.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { copyEmbedded, makeFolder } from '../support/test-database.js';

const ROWS = join(dirname(fileURLToPath(import.meta.url)), '../../../test/database/rows');

describe('migrations', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  it('bring rows of every version to the present schema', async () => {
    const versions = listMigrations().length;
    assert.deepEqual(
      (await readdir(ROWS)).sort(),
      Array.from({ length: versions }, (_, at) => `${at + 1}.sql`).sort(),
    );
    for (let version = 1; version <= versions; version += 1) {
      const url = await cluster.makeDatabase();
      for (let upTo = 1; upTo <= version; upTo += 1) {
        const old = await openDatabase({ url, folder: '', migration: { upTo } });
        await old.run(await readFile(join(ROWS, `${upTo}.sql`), 'utf8'), []);
        await old.close();
      }
      const database = await openDatabase({ url, folder: '' });
      const rows = await selectRows<{ hostname: string; updates: unknown }>(
        database.orm,
        sql`select m.hostname, p.updates from machines m join patch_levels p on p.id = m.patch_level_id`,
      );
      assert.deepEqual(rows, [
        { hostname: 'old.example', updates: [{ id: 'fix_1', engine: 'livepatch', state: 'applied' }] },
      ]);
      await database.close();
    }
  });

  it('are made once when several servers start at the same moment', async () => {
    const url = await cluster.makeDatabase();
    const databases = await Promise.all([1, 2, 3].map(() => openDatabase({ url, folder: '' })));
    const [row] = await selectRows<{ count: number }>(
      databases[0]?.orm ?? assert.fail(),
      sql`select count(*)::int from schema_migrations`,
    );
    assert.equal(row?.count, listMigrations().length);
    for (const database of databases) await database.close();
  });

  it('are not tried on a database of a newer version, and one that fails changes nothing', async () => {
    const { folder, remove } = await makeFolder();
    const later = join(folder, 'later');
    await cp(MIGRATIONS, later, { recursive: true });
    const journal = JSON.parse(await readFile(join(later, 'meta/_journal.json'), 'utf8'));
    journal.entries.push({
      ...journal.entries[0],
      idx: journal.entries.length,
      when: Date.now(),
      tag: '9999_later',
    });
    await mkdir(join(later, 'meta'), { recursive: true });
    await writeFile(join(later, 'meta/_journal.json'), JSON.stringify(journal));
    const write = (text: string) => writeFile(join(later, '9999_later.sql'), text);

    const state = join(folder, 'state');
    await copyEmbedded(state);
    const database = await openDatabase({ folder: state });
    await write('CREATE TABLE half (id int);\n--> statement-breakpoint\nSELECT nonsense;');
    await assert.rejects(migrateDatabase(database, { folder: later }), { code: 'database-not-migrated' });
    await assert.rejects(database.orm.execute(sql`select from half`));
    await write('CREATE TABLE whole (id int);');
    await migrateDatabase(database, { folder: later });
    await database.close();
    await assert.rejects(openDatabase({ folder: state }), { code: 'database-too-new' });
    await remove();
  });

  it('leave a folder that another process has alone', async () => {
    const { folder, remove } = await makeFolder();
    await copyEmbedded(folder);
    const database = await openDatabase({ folder });
    await assert.rejects(openDatabase({ folder }), { code: 'database-in-use' });
    await database.close();
    await (await openDatabase({ folder })).close();
    await remove();
  });
});
