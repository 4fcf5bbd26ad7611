import { Me } from '@resplice/protocol/console';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { hashCredential } from '../../access/credential.js';
import { logIn, SESSION_SECONDS } from '../../access/login.js';
import { findStep, makeTotpSecret, totpAddress } from '../../access/one-time-code.js';
import { hashPassword, LONGEST_PASSWORD, SHORTEST_PASSWORD, verifyPassword } from '../../access/password.js';
import { findCredential, type Principal, SESSION_COOKIE } from '../../access/principal.js';
import { assertNotBlocked, countFailure, loginKeys } from '../../access/throttle.js';
import { entryOf, writeAudit } from '../../audit.js';
import { sessions, users } from '../../database/schema.js';
import { ServiceError } from '../../failure.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, DONE, Done, iso } from '../route-parts.js';

export const NewPassword = z.string().min(SHORTEST_PASSWORD).max(LONGEST_PASSWORD);
const Password = z.string().max(LONGEST_PASSWORD);
const Code = z.string().regex(/^\d{6}$/);

export function addSessionRoutes(app: App, service: Service): void {
  const { orm } = service.database;
  const cost = service.options.passwordCost;

  app.post(
    '/api/v1/session',
    {
      config: { need: 'public' },
      schema: {
        summary: 'log in; the session comes as a cookie and in the answer',
        body: z.object({ name: z.string().max(100), password: Password, code: Code.optional() }),
        response: answers(
          z.object({ session: z.string(), expiresAt: z.string() }),
          'login-refused',
          'one-time-code-needed',
          'too-many-requests',
        ),
      },
    },
    async (request, reply) => {
      const attempt = { ...request.body, address: request.ip };
      const login = await logIn(orm, attempt, service.now(), cost);
      const { organisationId, session } = login;
      const actor = `user ${attempt.name}`;
      await writeAudit(orm, { organisationId, actor, action: 'log-in', subject: actor, address: request.ip });
      const secure = request.protocol === 'https' ? '; Secure' : '';
      const cookie = `${SESSION_COOKIE}=${session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_SECONDS}${secure}`;
      reply.header('set-cookie', cookie);
      return { session, expiresAt: iso(login.expiresAt) };
    },
  );

  app.delete(
    '/api/v1/session',
    { config: { need: 'own' }, schema: { summary: 'log out', response: answers(Done, 'not-authenticated') } },
    async (request, reply) => {
      const { authorization, cookie } = request.headers;
      const credential = findCredential({ authorization, cookie }) ?? '';
      await orm.delete(sessions).where(eq(sessions.hash, hashCredential(credential)));
      reply.header('set-cookie', `${SESSION_COOKIE}=; Path=/; Max-Age=0`);
      return DONE;
    },
  );

  app.get(
    '/api/v1/me',
    {
      config: { need: 'read' },
      schema: {
        summary: 'who asks, and what that may do',
        response: answers(Me),
      },
    },
    async (request) => {
      const { actor, role, rights, userId } = principalOf(request);
      const [user] = await orm.select().from(users).where(eq(users.id, userId));
      return { actor, role, rights: [...rights], oneTimeCodes: user?.totpSecret != null };
    },
  );

  app.post(
    '/api/v1/me/password',
    {
      config: { need: 'own' },
      schema: {
        summary: 'change the own password; ends all other sessions',
        body: z.object({ present: Password, wanted: NewPassword }),
        response: answers(Done, 'login-refused', 'too-many-requests'),
      },
    },
    async (request) => {
      const principal = principalOf(request);
      await confirmPassword(service, principal, request.body.present, request.ip);
      const passwordHash = await hashPassword(request.body.wanted, cost);
      const { authorization, cookie } = request.headers;
      const own = hashCredential(findCredential({ authorization, cookie }) ?? '');
      await orm.transaction(async (transaction) => {
        await transaction.update(users).set({ passwordHash }).where(eq(users.id, principal.userId));
        const others = await transaction.select().from(sessions).where(eq(sessions.userId, principal.userId));
        for (const { hash } of others)
          if (hash !== own) await transaction.delete(sessions).where(eq(sessions.hash, hash));
        await writeAudit(transaction, entryOf(authorOf(request), 'password.change', principal.actor));
      });
      return DONE;
    },
  );

  app.post(
    '/api/v1/me/one-time-codes',
    {
      config: { need: 'own' },
      schema: {
        summary: 'begin with one-time codes: a secret for the app, in force once a code of it is confirmed',
        body: z.object({ password: Password }),
        response: answers(z.object({ secret: z.string(), address: z.string() }), 'login-refused'),
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const user = await confirmPassword(service, principal, request.body.password, request.ip);
      const secret = makeTotpSecret();
      await orm.update(users).set({ totpPending: secret }).where(eq(users.id, user.id));
      return { secret, address: totpAddress(user.name, secret) };
    },
  );

  app.post(
    '/api/v1/me/one-time-codes/confirm',
    {
      config: { need: 'own' },
      schema: {
        summary: 'from now on log in with one-time codes',
        body: z.object({ code: Code }),
        response: answers(Done, 'login-refused', 'conflict'),
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const [user] = await orm.select().from(users).where(eq(users.id, principal.userId));
      const secret = user?.totpPending;
      if (secret == null) throw new ServiceError('conflict', 'no secret waits for a code; ask for one first');
      const step = findStep(secret, request.body.code, service.now(), 0);
      if (step === undefined)
        throw new ServiceError('login-refused', 'the code is wrong; is the clock right?');
      await orm.transaction(async (transaction) => {
        await transaction
          .update(users)
          .set({ totpSecret: secret, totpPending: null, totpLastStep: step })
          .where(eq(users.id, principal.userId));
        await writeAudit(transaction, entryOf(authorOf(request), 'one-time-codes.begin', principal.actor));
      });
      return DONE;
    },
  );

  app.post(
    '/api/v1/me/one-time-codes/end',
    {
      config: { need: 'own' },
      schema: {
        summary: 'log in without one-time codes again',
        body: z.object({ password: Password }),
        response: answers(Done, 'login-refused'),
      },
    },
    async (request) => {
      const principal = principalOf(request);
      await confirmPassword(service, principal, request.body.password, request.ip);
      await orm.transaction(async (transaction) => {
        await transaction
          .update(users)
          .set({ totpSecret: null, totpPending: null })
          .where(eq(users.id, principal.userId));
        await writeAudit(transaction, entryOf(authorOf(request), 'one-time-codes.end', principal.actor));
      });
      return DONE;
    },
  );
}

/** A session that was left open is not enough for these. Throws ServiceError `login-refused`, `too-many-requests`. */
async function confirmPassword(service: Service, principal: Principal, password: string, address: string) {
  const { orm } = service.database;
  const [user] = await orm.select().from(users).where(eq(users.id, principal.userId));
  const keys = loginKeys(user?.name ?? '', address);
  await assertNotBlocked(orm, keys, service.now());
  const right = await verifyPassword(password, user?.passwordHash, service.options.passwordCost);
  if (user !== undefined && right) return user;
  await countFailure(orm, keys, service.now());
  throw new ServiceError('login-refused', 'the password is wrong');
}
