// A backup is one file: rows as lines of JSON, read in one transaction while the server works, and the artefacts. It can be restored
// into either kind of database, which also makes it the way from the embedded one to PostgreSQL.

import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { EnvironmentError, VERSION } from '@resplice/report';
import { syncDirectory } from '@resplice/update';
import { sql } from 'drizzle-orm';
import { create } from 'tar';
import type { ArtefactStore } from '../artefact/artefact-store.js';
import { type Database, type Orm, selectRows } from '../database/database.js';
import { BACKUP_TABLES, type BackupManifest } from './tables.js';

const ROWS_AT_ONCE = 1000;

/** Throws EnvironmentError `backup-not-writable`; then no file is left under the name. */
export async function writeBackup(
  database: Database,
  artefacts: ArtefactStore,
  file: string,
): Promise<BackupManifest> {
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(dirname(file), '.resplice-backup-'));
    const manifest = await collect(database, artefacts, folder);
    const archive = join(folder, 'archive');
    await create({ gzip: true, file: archive, cwd: folder, portable: true, mode: 0o600 }, [
      'manifest.json',
      'tables',
      'artefacts',
    ]);
    const handle = await open(archive, 'r');
    await handle.sync();
    await handle.close();
    await rename(archive, file);
    await syncDirectory(dirname(file));
    return manifest;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${file}: the backup cannot be written: ${reason}; check that the folder is writable and has space`;
    throw new EnvironmentError('backup-not-writable', message, { context: { file }, cause });
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function collect(
  database: Database,
  artefacts: ArtefactStore,
  folder: string,
): Promise<BackupManifest> {
  await mkdir(join(folder, 'tables'));
  await mkdir(join(folder, 'artefacts'));
  const rows: Record<string, number> = {};
  const migrations = await database.orm.transaction(
    async (transaction) => {
      for (const table of BACKUP_TABLES)
        rows[table] = await writeTable(transaction, table, join(folder, 'tables', `${table}.jsonl`));
      return selectRows<{ hash: string }>(
        transaction,
        sql`select hash from schema_migrations order by position`,
      );
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
  const stored = await artefacts.list('');
  for (const { name } of stored) {
    const path = join(folder, 'artefacts', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, (await artefacts.get(name)) ?? new Uint8Array());
  }
  const manifest: BackupManifest = {
    format: 1,
    resplice: VERSION,
    createdAt: new Date().toISOString(),
    migrations: migrations.map(({ hash }) => hash),
    rows,
    artefacts: stored.length,
  };
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** With a cursor, so that the rows of a large fleet need not fit into memory. */
async function writeTable(orm: Pick<Orm, 'execute'>, table: string, file: string): Promise<number> {
  const stream = createWriteStream(file, { mode: 0o600 });
  const name = sql.identifier(table);
  await orm.execute(sql`declare backup_rows cursor for select to_jsonb(t) as row from ${name} t`);
  let count = 0;
  for (;;) {
    const rows = await selectRows<{ row: unknown }>(
      orm,
      sql`fetch ${sql.raw(`${ROWS_AT_ONCE}`)} from backup_rows`,
    );
    if (rows.length === 0) break;
    count += rows.length;
    const text = rows.map(({ row }) => `${JSON.stringify(row)}\n`).join('');
    if (!stream.write(text)) await new Promise<void>((resolve) => stream.once('drain', () => resolve()));
  }
  await orm.execute(sql`close backup_rows`);
  stream.end();
  await finished(stream);
  return count;
}
