import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { EnvironmentError } from '@resplice/report';
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import pg from 'pg';
import type { Database } from './database.js';
import { DURABLE_START, DurableFiles, flushTree } from './durable-files.js';
import { lockFolder } from './folder-lock.js';
import { type MigrationOptions, migrateDatabase } from './migration.js';
import { listenToPostgres } from './postgres-listening.js';
import * as schema from './schema.js';

export interface DatabaseOptions {
  /** A PostgreSQL, as in DATABASE_URL; else the database is embedded. */
  readonly url?: string | undefined;
  /** Where the embedded database lies. */
  readonly folder: string;
  readonly connections?: number;
  readonly migration?: MigrationOptions | undefined;
}

/** Opened, and brought to the present schema. Throws EnvironmentError. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const database =
    options.url === undefined
      ? await openEmbedded(options.folder)
      : openPostgres(options.url, options.connections ?? 10);
  try {
    await migrateDatabase(database, options.migration);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

export async function openEmbedded(folder: string): Promise<Database> {
  const lock = await lockFolder(folder);
  try {
    const files = join(folder, 'data');
    const made = await mkdir(files, { recursive: true, mode: 0o700 });
    const client = await PGlite.create({ fs: new DurableFiles(files), startParams: DURABLE_START });
    // The files of an empty database are written before PostgreSQL itself runs.
    if (made !== undefined) await flushTree(files);
    return {
      kind: 'embedded',
      orm: drizzlePglite(client, { schema }),
      run: async (text, values) => {
        // Several statements at once come without values, and only `exec` takes them.
        if (values.length > 0) return (await client.query<Record<string, unknown>>(text, [...values])).rows;
        return (await client.exec(text)).flatMap(({ rows }) => rows);
      },
      async listen(channel, { message }) {
        const end = await client.listen(channel, message);
        return { close: () => end() };
      },
      async close() {
        await client.close();
        await lock.release();
      },
    };
  } catch (cause) {
    await lock.release();
    const message = `${folder}: the database cannot be opened: ${cause instanceof Error ? cause.message : cause}; check the space and permissions of the folder, or restore a backup with "resplice admin restore"`;
    throw new EnvironmentError('database-not-readable', message, { context: { folder }, cause });
  }
}

export function openPostgres(url: string, connections: number): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: 10_000,
    application_name: 'resplice',
  });
  // A connection that breaks while it is idle is replaced; one that breaks in use rejects its query.
  pool.on('error', () => {});
  return {
    kind: 'postgresql',
    orm: drizzlePostgres(pool, { schema }),
    run: async (text, values) => (await pool.query<Record<string, unknown>>(text, [...values])).rows ?? [],
    listen: (channel, listener) => listenToPostgres(url, channel, listener),
    close: () => pool.end(),
  };
}
