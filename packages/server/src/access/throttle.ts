// Guessing takes time: after some failed attempts each further one doubles the wait. Counted in the database, so a restart or a second
// server process forgets nothing. What counts against whom is a list of keys: somebody who guesses at one user from one address is
// stopped early, while the user himself, who comes from elsewhere, is not locked out.

import { inArray, sql } from 'drizzle-orm';
import type { Orm } from '../database/database.js';
import { failedAttempts } from '../database/schema.js';
import { ServiceError } from '../failure.js';

const LONGEST_WAIT_SECONDS = 900;
/** A key that was left alone this long begins anew. */
const FORGET_SECONDS = 24 * 3600;

export interface ThrottleKey {
  readonly key: string;
  /** Failures before the first wait. */
  readonly free: number;
}

export function loginKeys(name: string, address: string): readonly ThrottleKey[] {
  const user = name.toLowerCase();
  return [
    { key: `login ${user} ${address}`, free: 5 },
    { key: `login-from ${address}`, free: 20 },
    { key: `login-as ${user}`, free: 100 },
  ];
}

export function waitSeconds(failures: number, free: number): number {
  return failures < free ? 0 : Math.min(LONGEST_WAIT_SECONDS, 2 ** (failures - free));
}

/** Throws ServiceError `too-many-requests`. */
export async function assertNotBlocked(orm: Orm, keys: readonly ThrottleKey[], now: Date): Promise<void> {
  const names = keys.map(({ key }) => key);
  const rows = await orm.select().from(failedAttempts).where(inArray(failedAttempts.key, names));
  const until = Math.max(...rows.map(({ blockedUntil }) => blockedUntil.getTime()), 0);
  if (until <= now.getTime()) return;
  const seconds = Math.ceil((until - now.getTime()) / 1000);
  const message = `too many attempts failed; the next one is possible in ${seconds} s`;
  throw new ServiceError('too-many-requests', message, seconds);
}

export async function countFailure(orm: Orm, keys: readonly ThrottleKey[], now: Date): Promise<void> {
  const at = now.toISOString();
  for (const { key, free } of keys) {
    const failures = sql`case when failed_attempts.last_at < ${at}::timestamptz - ${FORGET_SECONDS} * interval '1 second'
      then 1 else failed_attempts.failures + 1 end`;
    const wait = sql`case when ${failures} < ${free}::int then 0
      else least(${LONGEST_WAIT_SECONDS}::float8, power(2, least(${failures} - ${free}::int, 20))) end`;
    await orm.execute(
      sql`insert into failed_attempts (key, failures, blocked_until, last_at) values (${key}, 1, ${at}::timestamptz, ${at}::timestamptz)
          on conflict (key) do update set failures = ${failures}, last_at = ${at}::timestamptz,
            blocked_until = ${at}::timestamptz + ${wait} * interval '1 second'`,
    );
  }
}

export async function forgetFailures(orm: Orm, key: string): Promise<void> {
  await orm.delete(failedAttempts).where(inArray(failedAttempts.key, [key]));
}
