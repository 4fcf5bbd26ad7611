// One interface to both databases. Rows and statements are the same; what differs is only how a connection is made.

import type { SQL } from 'drizzle-orm';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import type * as schema from './schema.js';

export type Orm = PgDatabase<PgQueryResultHKT, typeof schema>;

export interface Database {
  readonly kind: 'embedded' | 'postgresql';
  readonly orm: Orm;
  /** A statement as text with `$1`…, for what speaks plain SQL (the queue). */
  run(text: string, values: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Hears what any process notifies on a channel. */
  listen(channel: string, listener: Listener): Promise<Listening>;
  close(): Promise<void>;
}

export interface Listener {
  message(text: string): void;
  /** The connection was away for a while; what was said meanwhile is lost. */
  gap(): void;
}

export interface Listening {
  close(): Promise<void>;
}

/** Rows of a statement that is written by hand; its columns are the caller's word. */
export async function selectRows<Row>(orm: Pick<Orm, 'execute'>, statement: SQL): Promise<readonly Row[]> {
  const result: unknown = await orm.execute(statement);
  return (result as { readonly rows: readonly Row[] }).rows;
}
