import { and, eq, lt } from 'drizzle-orm';
import type { Orm } from '../database/database.js';
import { sessions, users } from '../database/schema.js';
import { ServiceError } from '../failure.js';
import { hashCredential, makeCredential } from './credential.js';
import { findStep } from './one-time-code.js';
import { type PasswordCost, verifyPassword } from './password.js';
import { assertNotBlocked, countFailure, forgetFailures, loginKeys } from './throttle.js';

export const SESSION_SECONDS = 12 * 3600;

export interface LoginAttempt {
  readonly name: string;
  readonly password: string;
  readonly code?: string | undefined;
  readonly address: string;
}

export interface Login {
  readonly session: string;
  readonly expiresAt: Date;
  readonly userId: string;
  readonly organisationId: string;
}

/** Throws ServiceError `too-many-requests`, `login-refused`, `one-time-code-needed`. */
export async function logIn(orm: Orm, attempt: LoginAttempt, now: Date, cost: PasswordCost): Promise<Login> {
  const keys = loginKeys(attempt.name, attempt.address);
  await assertNotBlocked(orm, keys, now);
  const [user] = await orm.select().from(users).where(eq(users.name, attempt.name));
  const right = await verifyPassword(attempt.password, user?.passwordHash, cost);
  if (user === undefined || !right || user.disabled) {
    await countFailure(orm, keys, now);
    throw new ServiceError('login-refused');
  }
  if (user.totpSecret !== null) await useCode(orm, user, attempt, now);
  await forgetFailures(orm, keys[0]?.key ?? '');
  const session = makeCredential('session');
  const expiresAt = new Date(now.getTime() + SESSION_SECONDS * 1000);
  await orm.delete(sessions).where(lt(sessions.expiresAt, now));
  await orm.insert(sessions).values({ hash: hashCredential(session), userId: user.id, expiresAt });
  await orm.update(users).set({ lastLoginAt: now }).where(eq(users.id, user.id));
  return { session, expiresAt, userId: user.id, organisationId: user.organisationId };
}

async function useCode(
  orm: Orm,
  user: typeof users.$inferSelect,
  attempt: LoginAttempt,
  now: Date,
): Promise<void> {
  if (attempt.code === undefined) throw new ServiceError('one-time-code-needed');
  const step = findStep(user.totpSecret ?? '', attempt.code, now, user.totpLastStep);
  // The condition makes the code of two requests at once good for one of them.
  const used =
    step === undefined
      ? []
      : await orm
          .update(users)
          .set({ totpLastStep: step })
          .where(and(eq(users.id, user.id), lt(users.totpLastStep, step)))
          .returning({ id: users.id });
  if (used.length > 0) return;
  await countFailure(orm, loginKeys(attempt.name, attempt.address), now);
  throw new ServiceError('login-refused');
}
