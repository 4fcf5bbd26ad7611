// Users of the organisation and their API tokens.

import { randomUUID } from 'node:crypto';
import { ALL_RIGHTS, ALL_ROLES, ApiToken, User } from '@resplice/protocol/console';
import { and, eq, isNull, ne } from 'drizzle-orm';
import { z } from 'zod';
import { hashCredential, makeCredential } from '../../access/credential.js';
import { hashPassword } from '../../access/password.js';
import { entryOf, writeAudit } from '../../audit.js';
import type { Orm } from '../../database/database.js';
import { apiTokens, sessions, users } from '../../database/schema.js';
import { notFound, ServiceError } from '../../failure.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, DONE, Done, Identified, iso, isoOrNull, Name } from '../route-parts.js';
import { NewPassword } from './session.js';

export function addUserRoutes(app: App, service: Service): void {
  const { orm } = service.database;
  const cost = service.options.passwordCost;

  app.get(
    '/api/v1/users',
    {
      config: { need: 'users' },
      schema: { summary: 'users', response: answers(z.object({ users: z.array(User) })) },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const rows = await orm
        .select()
        .from(users)
        .where(eq(users.organisationId, organisationId))
        .orderBy(users.name);
      return { users: rows.map(renderUser) };
    },
  );

  app.post(
    '/api/v1/users',
    {
      config: { need: 'users' },
      schema: {
        summary: 'make a user',
        body: z.object({ name: Name, role: z.enum(ALL_ROLES), password: NewPassword }),
        response: answers(User, 'conflict', 'request-malformed'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const { name, role, password } = request.body;
      const passwordHash = await hashPassword(password, cost);
      return orm.transaction(async (transaction) => {
        const [row] = await transaction
          .insert(users)
          .values({ id: randomUUID(), organisationId, name, role, passwordHash })
          .onConflictDoNothing()
          .returning();
        if (row === undefined)
          throw new ServiceError('conflict', `there is a user ${name} already; choose another name`);
        const detail = { role };
        await writeAudit(transaction, entryOf(authorOf(request), 'user.make', name, detail));
        return renderUser(row);
      });
    },
  );

  app.patch(
    '/api/v1/users/:id',
    {
      config: { need: 'users' },
      schema: {
        summary: 'change role or password of a user, disable it, or take its one-time codes away',
        params: Identified,
        body: z.object({
          role: z.enum(ALL_ROLES).optional(),
          disabled: z.boolean().optional(),
          password: NewPassword.optional(),
          oneTimeCodes: z.literal(false).optional(),
        }),
        response: answers(User, 'not-found', 'conflict'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const { role, disabled, password, oneTimeCodes } = request.body;
      const passwordHash = password === undefined ? undefined : await hashPassword(password, cost);
      const set = {
        ...(role === undefined ? {} : { role }),
        ...(disabled === undefined ? {} : { disabled }),
        ...(passwordHash === undefined ? {} : { passwordHash }),
        ...(oneTimeCodes === undefined ? {} : { totpSecret: null, totpPending: null }),
      };
      if (Object.keys(set).length === 0)
        throw new ServiceError('request-malformed', 'nothing is to be changed');
      return orm.transaction(async (transaction) => {
        const [row] = await transaction
          .update(users)
          .set(set)
          .where(and(eq(users.organisationId, organisationId), eq(users.id, request.params.id)))
          .returning();
        if (row === undefined) throw notFound('user');
        await assertAdminLeft(transaction, organisationId);
        // What was allowed before must not go on in a session that is open.
        await transaction.delete(sessions).where(eq(sessions.userId, row.id));
        const detail = { role, disabled, password: password !== undefined, oneTimeCodes };
        await writeAudit(transaction, entryOf(authorOf(request), 'user.change', row.name, detail));
        return renderUser(row);
      });
    },
  );

  app.delete(
    '/api/v1/users/:id',
    {
      config: { need: 'users' },
      schema: {
        summary: 'remove a user with its tokens',
        params: Identified,
        response: answers(Done, 'not-found', 'conflict'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      await orm.transaction(async (transaction) => {
        const [row] = await transaction
          .delete(users)
          .where(and(eq(users.organisationId, organisationId), eq(users.id, request.params.id)))
          .returning();
        if (row === undefined) throw notFound('user');
        await assertAdminLeft(transaction, organisationId);
        await writeAudit(transaction, entryOf(authorOf(request), 'user.remove', row.name));
      });
      return DONE;
    },
  );

  addTokenRoutes(app, service);
}

function addTokenRoutes(app: App, service: Service): void {
  const { orm } = service.database;
  app.get(
    '/api/v1/tokens',
    {
      config: { need: 'own' },
      schema: {
        summary: 'own API tokens; of all users with the right "users"',
        response: answers(z.object({ tokens: z.array(ApiToken) })),
      },
    },
    async (request) => {
      const { organisationId, userId, rights } = principalOf(request);
      const rows = await orm
        .select({ token: apiTokens, user: users.name })
        .from(apiTokens)
        .innerJoin(users, eq(users.id, apiTokens.userId))
        .where(
          and(
            eq(apiTokens.organisationId, organisationId),
            isNull(apiTokens.revokedAt),
            rights.has('users') ? undefined : eq(apiTokens.userId, userId),
          ),
        )
        .orderBy(apiTokens.createdAt);
      return { tokens: rows.map(({ token, user }) => renderToken(token, user)) };
    },
  );

  app.post(
    '/api/v1/tokens',
    {
      config: { need: 'own' },
      schema: {
        summary: 'make an API token; its text is shown this once',
        body: z.object({
          name: Name,
          scopes: z.array(z.enum(ALL_RIGHTS)).min(1),
          days: z.number().int().positive().max(3650).optional(),
        }),
        response: answers(ApiToken.extend({ token: z.string() }), 'not-allowed'),
      },
    },
    async (request) => {
      const { organisationId, userId, actor, rights } = principalOf(request);
      const { name, scopes, days } = request.body;
      const lacking = scopes.filter((scope) => !rights.has(scope));
      if (lacking.length > 0)
        throw new ServiceError(
          'not-allowed',
          `${actor} has no right to ${lacking.join(', ')}, so its tokens cannot`,
        );
      const token = makeCredential('api');
      const expiresAt = days === undefined ? null : new Date(service.now().getTime() + days * 86_400_000);
      return orm.transaction(async (transaction) => {
        const [row] = await transaction
          .insert(apiTokens)
          .values({
            id: randomUUID(),
            organisationId,
            userId,
            name,
            scopes,
            expiresAt,
            hash: hashCredential(token),
          })
          .returning();
        if (row === undefined) throw new Error('a token wrote no row');
        const detail = { scopes, days: days ?? null };
        await writeAudit(transaction, entryOf(authorOf(request), 'token.make', name, detail));
        return { ...renderToken(row, actor.replace(/^user /, '')), token };
      });
    },
  );

  app.delete(
    '/api/v1/tokens/:id',
    {
      config: { need: 'own' },
      schema: { summary: 'revoke an API token', params: Identified, response: answers(Done, 'not-found') },
    },
    async (request) => {
      const { organisationId, userId, rights } = principalOf(request);
      await orm.transaction(async (transaction) => {
        const [row] = await transaction
          .update(apiTokens)
          .set({ revokedAt: service.now() })
          .where(
            and(
              eq(apiTokens.organisationId, organisationId),
              eq(apiTokens.id, request.params.id),
              isNull(apiTokens.revokedAt),
              rights.has('users') ? undefined : eq(apiTokens.userId, userId),
            ),
          )
          .returning();
        if (row === undefined) throw notFound('token');
        await writeAudit(transaction, entryOf(authorOf(request), 'token.revoke', row.name));
      });
      return DONE;
    },
  );
}

/** An organisation must not lock itself out. Throws ServiceError `conflict`. */
async function assertAdminLeft(orm: Pick<Orm, 'select'>, organisationId: string): Promise<void> {
  const [row] = await orm
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.organisationId, organisationId), eq(users.role, 'admin'), ne(users.disabled, true)))
    .limit(1);
  if (row === undefined)
    throw new ServiceError('conflict', 'this is the last administrator; make another one first');
}

function renderUser(row: typeof users.$inferSelect): User {
  const { id, name, role, disabled } = row;
  const oneTimeCodes = row.totpSecret !== null;
  const lastLoginAt = isoOrNull(row.lastLoginAt);
  return { id, name, role, disabled, oneTimeCodes, createdAt: iso(row.createdAt), lastLoginAt };
}

function renderToken(row: typeof apiTokens.$inferSelect, user: string): ApiToken {
  const { id, name, scopes } = row;
  return { id, name, user, scopes, createdAt: iso(row.createdAt), expiresAt: isoOrNull(row.expiresAt) };
}
