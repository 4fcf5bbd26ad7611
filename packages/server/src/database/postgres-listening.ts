// A connection of its own that hears notifications, made again when it breaks. What was said meanwhile is gone, so the listener is told of the
// gap. A pooler that hands connections from statement to statement (pgbouncer in transaction mode) cannot carry this.

import pg from 'pg';
import type { Listener, Listening } from './database.js';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** Does not reject when the database is away: it tries until `close`. */
export async function listenToPostgres(url: string, channel: string, listener: Listener): Promise<Listening> {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let wait = FIRST_WAIT_MS;

  const retry = (): void => {
    client = undefined;
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      void connect(true);
    }, wait);
    timer.unref();
    wait = Math.min(LONGEST_WAIT_MS, wait * 2);
  };

  const connect = async (again: boolean): Promise<void> => {
    const made = new pg.Client({
      connectionString: url,
      application_name: 'resplice live',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    made.on('error', () => {});
    made.on('notification', ({ payload }) => listener.message(payload ?? ''));
    made.once('end', retry);
    try {
      await made.connect();
      await made.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch {
      // A client that failed to connect may not say "end".
      made.off('end', retry);
      await made.end().catch(() => {});
      retry();
      return;
    }
    if (closed) {
      await made.end();
      return;
    }
    client = made;
    wait = FIRST_WAIT_MS;
    if (again) listener.gap();
  };

  await connect(false);
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await client?.end();
    },
  };
}
