// What PostgreSQL does by itself and PGlite, which has no processes beside the one, does not: rows that nobody can see any more make room (the queue makes
// thousands a day), and transactions are forgotten before their numbers run out.

import type { Database } from './database.js';

/** A second or so for 100,000 machines, in which the embedded database answers nobody. */
export async function keepUp({ kind, run }: Pick<Database, 'kind' | 'run'>): Promise<void> {
  if (kind === 'embedded') await run('vacuum (analyze)', []);
}
