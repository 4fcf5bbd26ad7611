// Errors of a database that is away for a moment, told from what it answers.

/**
 * Classes 08 (connection), 53 (resources), 57P (the server stops or starts), 40 (serialisation) of PostgreSQL's codes, and node's own for
 * sockets.
 */
const PASSING = /^(?:08|53|57P|40)|^(?:ECONN|EPIPE|ENOENT|ETIMEDOUT|EHOSTUNREACH)/;

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
