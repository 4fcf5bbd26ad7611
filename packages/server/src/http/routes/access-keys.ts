// Keys that machines register with. Only their hashes are kept, so the text is shown once.

import { randomUUID } from 'node:crypto';
import { AccessKeyRecord } from '@resplice/protocol/console';
import { and, eq, isNull } from 'drizzle-orm';
import { z } from 'zod';
import { hashCredential, makeCredential } from '../../access/credential.js';
import { entryOf, writeAudit } from '../../audit.js';
import { accessKeys, groups, machines } from '../../database/schema.js';
import { notFound } from '../../failure.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, Identified, iso, isoOrNull, Name } from '../route-parts.js';

export function addAccessKeyRoutes(app: App, service: Service): void {
  const { orm } = service.database;

  app.get(
    '/api/v1/access-keys',
    {
      config: { need: 'keys' },
      schema: { summary: 'access keys', response: answers(z.object({ keys: z.array(AccessKeyRecord) })) },
    },
    async (request) => {
      const rows = await orm
        .select({ key: accessKeys, group: groups.name })
        .from(accessKeys)
        .leftJoin(groups, eq(groups.id, accessKeys.groupId))
        .where(eq(accessKeys.organisationId, principalOf(request).organisationId))
        .orderBy(accessKeys.createdAt);
      return { keys: rows.map(({ key, group }) => render(key, group)) };
    },
  );

  app.post(
    '/api/v1/access-keys',
    {
      config: { need: 'keys' },
      schema: {
        summary: 'make an access key; its text is shown this once',
        body: z.object({
          name: Name,
          group: Name.optional(),
          tags: z.array(Name).max(50).default([]),
          maxUses: z.number().int().positive().max(10_000_000).optional(),
          days: z.number().int().positive().max(3650).optional(),
        }),
        response: answers(AccessKeyRecord.extend({ key: z.string() }), 'not-found'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const { name, group, tags, maxUses = null, days } = request.body;
      const key = makeCredential('accessKey');
      const expiresAt = days === undefined ? null : new Date(service.now().getTime() + days * 86_400_000);
      return orm.transaction(async (transaction) => {
        const [found] =
          group === undefined
            ? []
            : await transaction
                .select()
                .from(groups)
                .where(and(eq(groups.organisationId, organisationId), eq(groups.name, group)));
        if (group !== undefined && found === undefined) throw notFound('group');
        const hash = hashCredential(key);
        const groupId = found?.id ?? null;
        const [row] = await transaction
          .insert(accessKeys)
          .values({ id: randomUUID(), organisationId, name, groupId, tags, maxUses, expiresAt, hash })
          .returning();
        if (row === undefined) throw new Error('an access key wrote no row');
        const detail = { group, tags, maxUses, days };
        await writeAudit(transaction, entryOf(authorOf(request), 'access-key.make', name, detail));
        return { ...render(row, group ?? null), key };
      });
    },
  );

  app.post(
    '/api/v1/access-keys/:id/revoke',
    {
      config: { need: 'keys' },
      schema: {
        summary: 'revoke an access key, and deny the machines that registered with it when it was stolen',
        params: Identified,
        body: z.object({ denyMachines: z.boolean().default(false) }),
        response: answers(z.object({ denied: z.number() }), 'not-found'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      return orm.transaction(async (transaction) => {
        const [row] = await transaction
          .update(accessKeys)
          .set({ revokedAt: service.now() })
          .where(
            and(
              eq(accessKeys.organisationId, organisationId),
              eq(accessKeys.id, request.params.id),
              request.body.denyMachines ? undefined : isNull(accessKeys.revokedAt),
            ),
          )
          .returning();
        if (row === undefined) throw notFound('access key that is in force');
        const denied = request.body.denyMachines
          ? await transaction
              .update(machines)
              .set({ state: 'denied' })
              .where(and(eq(machines.organisationId, organisationId), eq(machines.accessKeyId, row.id)))
              .returning({ id: machines.id })
          : [];
        const detail = { denied: denied.length };
        await writeAudit(transaction, entryOf(authorOf(request), 'access-key.revoke', row.name, detail));
        return { denied: denied.length };
      });
    },
  );
}

function render(row: typeof accessKeys.$inferSelect, group: string | null): AccessKeyRecord {
  const { id, name, tags, uses, maxUses } = row;
  return {
    id,
    name,
    group,
    tags,
    uses,
    maxUses,
    createdAt: iso(row.createdAt),
    expiresAt: isoOrNull(row.expiresAt),
    revokedAt: isoOrNull(row.revokedAt),
  };
}
