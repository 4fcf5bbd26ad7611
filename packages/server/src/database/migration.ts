// Brings the schema to the version of this program. Several processes may start at once on one PostgreSQL, so an advisory
// lock makes them do it one after the other. A database that a newer version has changed is not touched.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EnvironmentError } from '@resplice/report';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { type Database, selectRows } from './database.js';

/** Any number, as long as it is the same in every version. */
const LOCK = 7_236_418;
export const MIGRATIONS = join(dirname(fileURLToPath(import.meta.url)), '../../../migrations');

export interface MigrationOptions {
  readonly folder?: string | undefined;
  /** Only so many of them: a backup is read into the schema that it was made of. */
  readonly upTo?: number | undefined;
}

export function listMigrations(folder: string = MIGRATIONS) {
  return readMigrationFiles({ migrationsFolder: folder });
}

/** Throws EnvironmentError `database-too-new`, `database-not-migrated`. */
export async function migrateDatabase(database: Database, options: MigrationOptions = {}): Promise<void> {
  const migrations = listMigrations(options.folder).slice(0, options.upTo);
  try {
    await database.orm.transaction(async (transaction) => {
      await transaction.execute(sql`select pg_advisory_xact_lock(${LOCK})`);
      await transaction.execute(
        sql`create table if not exists schema_migrations (hash text primary key, at timestamptz not null default now(), position bigint not null)`,
      );
      const rows = await selectRows<{ hash: string }>(
        transaction,
        sql`select hash from schema_migrations order by position`,
      );
      assertKnown(
        rows.map(({ hash }) => hash),
        migrations.map(({ hash }) => hash),
      );
      for (const { hash, sql: statements, folderMillis } of migrations.slice(rows.length)) {
        for (const statement of statements) await transaction.execute(sql.raw(statement));
        await transaction.execute(
          sql`insert into schema_migrations (hash, position) values (${hash}, ${folderMillis})`,
        );
      }
    });
  } catch (cause) {
    if (cause instanceof EnvironmentError) throw cause;
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : `${cause}`;
    const message = `the database cannot be brought to this version's schema: ${reason}; nothing was changed`;
    throw new EnvironmentError('database-not-migrated', message, { cause });
  }
}

function assertKnown(present: readonly string[], known: readonly string[]): void {
  const same = present.length <= known.length && present.every((hash, at) => hash === known[at]);
  if (same) return;
  const message =
    'the database was changed by another version of resplice; run that version or a newer one, or restore a backup into an empty database';
  throw new EnvironmentError('database-too-new', message);
}
