// From a backup into an empty database, in one transaction: all of it or nothing. The rows are put into the schema that they were
// made of, and then brought to the present one by the same migrations that a running server would have made.

import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EnvironmentError, InputError } from '@resplice/report';
import { sql } from 'drizzle-orm';
import { extract } from 'tar';
import { z } from 'zod';
import type { ArtefactStore } from '../artefact/artefact-store.js';
import { openDiskStore } from '../artefact/disk-store.js';
import { type Orm, selectRows } from '../database/database.js';
import { listMigrations, migrateDatabase } from '../database/migration.js';
import { type DatabaseOptions, openDatabase } from '../database/open-database.js';
import { BACKUP_TABLES, COUNTED_TABLES } from './tables.js';

const ROWS_AT_ONCE = 500;

const Manifest = z.object({
  format: z.literal(1),
  resplice: z.string(),
  createdAt: z.string(),
  migrations: z.array(z.string()),
  rows: z.record(z.string(), z.number()),
  artefacts: z.number(),
});
export type RestoredBackup = z.infer<typeof Manifest>;

/** Throws InputError `not-a-backup`, EnvironmentError `database-not-empty` and as openDatabase does. */
export async function restoreBackup(
  options: DatabaseOptions,
  artefacts: ArtefactStore,
  file: string,
): Promise<RestoredBackup> {
  const folder = await mkdtemp(join(tmpdir(), 'resplice-restore-'));
  try {
    const manifest = await unpack(file, folder);
    const known = listMigrations().map(({ hash }) => hash);
    if (manifest.migrations.some((hash, at) => hash !== known[at])) {
      const message = `${file}: the backup was made by another version of resplice (${manifest.resplice}); restore it with that one or a newer one`;
      throw new InputError('not-a-backup', message);
    }
    const database = await openDatabase({ ...options, migration: { upTo: manifest.migrations.length } });
    try {
      await database.orm.transaction((transaction) => fill(transaction, folder, manifest));
      await migrateDatabase(database);
    } finally {
      await database.close();
    }
    const stored = openDiskStore(join(folder, 'artefacts'));
    for (const { name } of await stored.list('')) {
      const bytes = await stored.get(name);
      if (bytes !== undefined) await artefacts.put(name, bytes);
    }
    return manifest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function unpack(file: string, folder: string): Promise<RestoredBackup> {
  try {
    await extract({ file, cwd: folder, strict: true });
    return Manifest.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  } catch (cause) {
    const message = `${file}: is no backup of resplice, or is damaged; name a file that "resplice admin backup" has written`;
    throw new InputError('not-a-backup', message, { context: { file }, cause });
  }
}

async function fill(orm: Pick<Orm, 'execute'>, folder: string, { rows }: RestoredBackup): Promise<void> {
  const present = await selectRows(orm, sql`select from organisations limit 1`);
  if (present.length > 0) {
    const message =
      'the database is not empty; restore into a new folder (--data) or a new PostgreSQL database, so that nothing is overwritten';
    throw new EnvironmentError('database-not-empty', message);
  }
  // A backup of an earlier version has no tables that came later.
  for (const table of BACKUP_TABLES.filter((name) => name in rows)) {
    const lines = createInterface({ input: createReadStream(join(folder, 'tables', `${table}.jsonl`)) });
    let batch: string[] = [];
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      const name = sql.identifier(table);
      const values = `[${batch.join(',')}]`;
      batch = [];
      await orm.execute(
        sql`insert into ${name} select * from jsonb_populate_recordset(null::${name}, ${values}::jsonb)`,
      );
    };
    for await (const line of lines) {
      batch.push(line);
      if (batch.length === ROWS_AT_ONCE) await flush();
    }
    await flush();
  }
  for (const table of COUNTED_TABLES.filter((name) => name in rows)) {
    const name = sql.identifier(table);
    await orm.execute(
      sql`select setval(pg_get_serial_sequence(${table}, 'id'), coalesce((select max(id) from ${name}), 0) + 1, false)`,
    );
  }
  await orm.execute(sql`update catalogue_state set version = version + 1`);
}
