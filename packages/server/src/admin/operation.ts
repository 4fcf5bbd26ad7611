// What the administrator of the server itself does, from the command line of its machine: organisations, the first users, forgotten
// passwords, keys, backups. Each is a function of the database, done by whichever process has it open (see control-socket.ts).

import { randomBytes, randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { InputError } from '@resplice/report';
import { and, eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { hashCredential, makeCredential } from '../access/credential.js';
import { hashPassword, LONGEST_PASSWORD, type PasswordCost, SHORTEST_PASSWORD } from '../access/password.js';
import { ALL_ROLES } from '../access/rights.js';
import type { ArtefactStore } from '../artefact/artefact-store.js';
import { writeAudit } from '../audit.js';
import { writeBackup } from '../backup/backup.js';
import { type Database, type Orm, selectRows } from '../database/database.js';
import { accessKeys, groups, organisations, sessions, users } from '../database/schema.js';

const ACTOR = 'command line';
const Name = z.string().trim().min(1).max(100);
const Password = z.string().min(SHORTEST_PASSWORD).max(LONGEST_PASSWORD);

export const AdminRequest = z.discriminatedUnion('operation', [
  z.object({ operation: z.literal('list') }),
  z.object({
    operation: z.literal('add-organisation'),
    name: Name,
    administrator: Name,
    password: Password.optional(),
  }),
  z.object({
    operation: z.literal('add-user'),
    organisation: Name,
    name: Name,
    role: z.enum(ALL_ROLES),
    password: Password.optional(),
  }),
  z.object({ operation: z.literal('set-password'), name: Name, password: Password.optional() }),
  z.object({ operation: z.literal('add-key'), organisation: Name, name: Name, group: Name.optional() }),
  z.object({ operation: z.literal('backup'), file: z.string().min(1) }),
]);
export type AdminRequest = z.infer<typeof AdminRequest>;

export interface AdminContext {
  readonly database: Database;
  readonly artefacts: ArtefactStore;
  readonly passwordCost: PasswordCost;
}

/** What was done, for people and programs; secrets that were made are shown here and nowhere else. */
export type AdminResult = Readonly<Record<string, unknown>>;

/** Throws InputError `no-such-organisation`, `no-such-user`, `name-taken`. */
export async function runAdmin(context: AdminContext, request: AdminRequest): Promise<AdminResult> {
  const { orm } = context.database;
  switch (request.operation) {
    case 'list':
      return listOrganisations(orm);
    case 'add-organisation': {
      const { name, administrator, password = makePassword() } = request;
      await addOrganisation(context, name, administrator, password);
      return { organisation: name, name: administrator, ...shown(request.password, password) };
    }
    case 'add-user': {
      const { name, role, password = makePassword() } = request;
      const organisation = await findOrganisation(orm, request.organisation);
      await addUser(context, orm, { organisation, name, role, password });
      return { name, role, ...shown(request.password, password) };
    }
    case 'set-password': {
      const { name, password = makePassword() } = request;
      await setPassword(context, name, password);
      return { name, ...shown(request.password, password) };
    }
    case 'add-key': {
      const organisation = await findOrganisation(orm, request.organisation);
      return { name: request.name, key: await addKey(orm, organisation, request.name, request.group) };
    }
    case 'backup': {
      const file = resolve(request.file);
      return { file, ...(await writeBackup(context.database, context.artefacts, file)) };
    }
  }
}

/** The first start: something to log in with. Undefined when there is an organisation. */
export async function makeFirstAdministrator(
  context: AdminContext,
): Promise<{ readonly name: string; readonly password: string } | undefined> {
  const present = await context.database.orm.select({ id: organisations.id }).from(organisations).limit(1);
  if (present.length > 0) return undefined;
  const password = makePassword();
  await addOrganisation(context, 'default', 'admin', password);
  return { name: 'admin', password };
}

async function listOrganisations(orm: Orm): Promise<AdminResult> {
  const rows = await selectRows<{ name: string; machines: number }>(
    orm,
    sql`select o.name, (select count(*)::int from machines m where m.organisation_id = o.id) machines from organisations o order by 1`,
  );
  const people = await orm
    .select({
      name: users.name,
      role: users.role,
      organisation: organisations.name,
      disabled: users.disabled,
    })
    .from(users)
    .innerJoin(organisations, eq(organisations.id, users.organisationId))
    .orderBy(users.name);
  return { organisations: rows, users: people };
}

async function addOrganisation(context: AdminContext, name: string, administrator: string, password: string) {
  await context.database.orm.transaction(async (transaction) => {
    const [row] = await transaction
      .insert(organisations)
      .values({ id: randomUUID(), name })
      .onConflictDoNothing()
      .returning();
    if (row === undefined) throw taken('organisation', name);
    await writeAudit(transaction, {
      organisationId: row.id,
      actor: ACTOR,
      action: 'organisation.make',
      subject: name,
    });
    await addUser(context, transaction, {
      organisation: row.id,
      name: administrator,
      role: 'admin',
      password,
    });
  });
}

async function addUser(
  { passwordCost }: AdminContext,
  orm: Pick<Orm, 'insert'>,
  user: { organisation: string; name: string; role: (typeof ALL_ROLES)[number]; password: string },
): Promise<void> {
  const { organisation: organisationId, name, role } = user;
  const passwordHash = await hashPassword(user.password, passwordCost);
  const [row] = await orm
    .insert(users)
    .values({ id: randomUUID(), organisationId, name, role, passwordHash })
    .onConflictDoNothing()
    .returning();
  if (row === undefined) throw taken('user', name);
  await writeAudit(orm, {
    organisationId,
    actor: ACTOR,
    action: 'user.make',
    subject: name,
    detail: { role },
  });
}

/** Also takes one-time codes away and ends all sessions: whoever has this command has the database anyway. */
async function setPassword(
  { database, passwordCost }: AdminContext,
  name: string,
  password: string,
): Promise<void> {
  const passwordHash = await hashPassword(password, passwordCost);
  await database.orm.transaction(async (transaction) => {
    const [row] = await transaction
      .update(users)
      .set({ passwordHash, totpSecret: null, totpPending: null, disabled: false })
      .where(eq(users.name, name))
      .returning();
    if (row === undefined)
      throw new InputError(
        'no-such-user',
        `there is no user ${JSON.stringify(name)}; "resplice admin list" shows all`,
      );
    await transaction.delete(sessions).where(eq(sessions.userId, row.id));
    const { organisationId } = row;
    await writeAudit(transaction, { organisationId, actor: ACTOR, action: 'password.set', subject: name });
  });
}

async function addKey(
  orm: Orm,
  organisationId: string,
  name: string,
  group: string | undefined,
): Promise<string> {
  const key = makeCredential('accessKey');
  await orm.transaction(async (transaction) => {
    const found =
      group === undefined
        ? []
        : await transaction
            .select({ id: groups.id })
            .from(groups)
            .where(and(eq(groups.organisationId, organisationId), eq(groups.name, group)));
    if (group !== undefined && found.length === 0)
      throw new InputError(
        'no-such-group',
        `there is no group ${JSON.stringify(group)}; make it first, or leave it out`,
      );
    const groupId = found[0]?.id ?? null;
    await transaction
      .insert(accessKeys)
      .values({ id: randomUUID(), organisationId, name, groupId, hash: hashCredential(key) });
    await writeAudit(transaction, { organisationId, actor: ACTOR, action: 'access-key.make', subject: name });
  });
  return key;
}

async function findOrganisation(orm: Orm, name: string): Promise<string> {
  const [row] = await orm
    .select({ id: organisations.id })
    .from(organisations)
    .where(eq(organisations.name, name));
  if (row !== undefined) return row.id;
  const message = `there is no organisation ${JSON.stringify(name)}; "resplice admin list" shows all`;
  throw new InputError('no-such-organisation', message);
}

function taken(what: string, name: string): InputError {
  return new InputError(
    'name-taken',
    `there is a ${what} ${JSON.stringify(name)} already; choose another name`,
  );
}

/** A password that was given is not repeated. */
function shown(given: string | undefined, password: string): { readonly password?: string } {
  return given === undefined ? { password } : {};
}

function makePassword(): string {
  return randomBytes(15).toString('base64url');
}
