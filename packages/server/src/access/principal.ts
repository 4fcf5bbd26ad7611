// Who makes a request: a user by session or API token, in one organisation. Everything a handler reads or writes is of
// `principal.organisationId`; there is no right that reaches another one.

import { and, eq, gt, isNull, or } from 'drizzle-orm';
import type { Orm } from '../database/database.js';
import { apiTokens, sessions, users } from '../database/schema.js';
import { ServiceError } from '../failure.js';
import { hashCredential } from './credential.js';
import { type Need, type Right, type Role, rightsOf } from './rights.js';

export interface Principal {
  readonly organisationId: string;
  readonly userId: string;
  readonly role: Role;
  readonly rights: ReadonlySet<Right>;
  readonly via: 'session' | 'token';
  /** As it stands in the audit log. */
  readonly actor: string;
}

export const SESSION_COOKIE = 'resplice_session';

export interface PresentedCredentials {
  readonly authorization?: string | undefined;
  readonly cookie?: string | undefined;
}

/** The text of a bearer token or of the session cookie. */
export function findCredential({ authorization, cookie }: PresentedCredentials): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const pairs = (cookie ?? '').split(/; */).map((pair) => pair.split('='));
  return pairs.find(([name]) => name === SESSION_COOKIE)?.[1];
}

/** Throws ServiceError `not-authenticated`. */
export async function authenticate(orm: Orm, credential: string | undefined, now: Date): Promise<Principal> {
  const found =
    credential?.startsWith('rss_') === true
      ? await findBySession(orm, credential, now)
      : credential?.startsWith('rsa_') === true
        ? await findByToken(orm, credential, now)
        : undefined;
  if (found === undefined) throw new ServiceError('not-authenticated');
  return found;
}

/** Throws ServiceError `not-allowed`. */
export function assertAllowed(principal: Principal, need: Exclude<Need, 'public' | 'machine'>): void {
  const allowed = need === 'own' ? principal.via === 'session' : principal.rights.has(need);
  if (allowed) return;
  const message =
    need === 'own'
      ? 'this is for users who are logged in, not for API tokens'
      : `this needs the right "${need}", which ${principal.actor} does not have`;
  throw new ServiceError('not-allowed', message);
}

async function findBySession(orm: Orm, credential: string, now: Date): Promise<Principal | undefined> {
  const [row] = await orm
    .select({ id: users.id, organisationId: users.organisationId, name: users.name, role: users.role })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        eq(sessions.hash, hashCredential(credential)),
        gt(sessions.expiresAt, now),
        eq(users.disabled, false),
      ),
    );
  if (row === undefined) return undefined;
  const { organisationId, role } = row;
  const rights = rightsOf(role, undefined);
  return { organisationId, userId: row.id, role, rights, via: 'session', actor: `user ${row.name}` };
}

async function findByToken(orm: Orm, credential: string, now: Date): Promise<Principal | undefined> {
  const [row] = await orm
    .select({
      id: users.id,
      organisationId: users.organisationId,
      name: users.name,
      role: users.role,
      token: apiTokens.name,
      scopes: apiTokens.scopes,
    })
    .from(apiTokens)
    .innerJoin(users, eq(users.id, apiTokens.userId))
    .where(
      and(
        eq(apiTokens.hash, hashCredential(credential)),
        isNull(apiTokens.revokedAt),
        or(isNull(apiTokens.expiresAt), gt(apiTokens.expiresAt, now)),
        eq(users.disabled, false),
      ),
    );
  if (row === undefined) return undefined;
  const { organisationId, role } = row;
  const rights = rightsOf(role, row.scopes);
  return {
    organisationId,
    userId: row.id,
    role,
    rights,
    via: 'token',
    actor: `token ${row.token} of ${row.name}`,
  };
}
