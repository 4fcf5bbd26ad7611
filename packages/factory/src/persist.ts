// Tries again while the database cannot be reached. An error that the database itself gives is the answer.

import { setTimeout as wait } from 'node:timers/promises';
import { JobLostError } from '@resplice/server/factory';

const PATIENCE_MS = 10 * 60_000;
const PAUSE_MS = 1000;

/**
 * Classes 08 (connection), 53 (resources), 57P (the server stops or starts), 40 (serialisation) of PostgreSQL's codes, and node's own for
 * sockets.
 */
const PASSING = /^(?:08|53|57P|40)|^(?:ECONN|EPIPE|ENOENT|ETIMEDOUT|EHOSTUNREACH)/;

export async function persist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || error instanceof JobLostError || Date.now() > end || !isPassing(error))
        throw error;
      await wait(PAUSE_MS);
    }
  }
}

/** Whether the same may succeed when the database is back. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string' && PASSING.test(error.code)) return true;
  if (
    /connection (?:terminated|ended|timeout)|Connection terminated|timeout exceeded when trying to connect/i.test(
      error.message,
    )
  )
    return true;
  return isPassing(error.cause);
}
