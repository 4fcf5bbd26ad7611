import { AuditEntry, OrganisationSettings } from '@resplice/protocol/console';
import { and, desc, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import { entryOf, writeAudit } from '../../audit.js';
import { auditLog, organisations } from '../../database/schema.js';
import { notFound } from '../../failure.js';
import type { Service } from '../../service.js';
import { bumpCatalogue } from '../../update/catalogue.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, iso } from '../route-parts.js';

export function addOrganisationRoutes(app: App, service: Service): void {
  const { orm } = service.database;

  app.get(
    '/api/v1/organisation',
    {
      config: { need: 'read' },
      schema: { summary: 'how the organisation works', response: answers(OrganisationSettings) },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const [row] = await orm.select().from(organisations).where(eq(organisations.id, organisationId));
      if (row === undefined) throw notFound('organisation');
      return row;
    },
  );

  app.patch(
    '/api/v1/organisation',
    {
      config: { need: 'settings' },
      schema: {
        summary: 'change how the organisation works',
        body: OrganisationSettings.omit({ name: true }).partial(),
        response: answers(OrganisationSettings, 'request-malformed'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const set = Object.fromEntries(Object.entries(request.body).filter(([, value]) => value !== undefined));
      const row = await orm.transaction(async (transaction) => {
        await bumpCatalogue(transaction);
        const [changed] = await transaction
          .update(organisations)
          .set({ ...set, id: organisationId })
          .where(eq(organisations.id, organisationId))
          .returning();
        if (changed === undefined) throw notFound('organisation');
        const { name: subject } = changed;
        await writeAudit(transaction, entryOf(authorOf(request), 'organisation.change', subject, set));
        return changed;
      });
      service.notifier.forget();
      return row;
    },
  );

  app.get(
    '/api/v1/audit',
    {
      config: { need: 'audit' },
      schema: {
        summary: 'every change, the newest first',
        querystring: z.object({
          before: z.coerce.number().int().positive().optional(),
          limit: z.coerce.number().int().min(1).max(500).default(100),
        }),
        response: answers(z.object({ entries: z.array(AuditEntry), next: z.number().nullable() })),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const { before, limit } = request.query;
      const rows = await orm
        .select()
        .from(auditLog)
        .where(
          and(
            eq(auditLog.organisationId, organisationId),
            before === undefined ? undefined : lt(auditLog.id, before),
          ),
        )
        .orderBy(desc(auditLog.id))
        .limit(limit);
      const entries = rows.map((row) => ({ ...row, at: iso(row.at), detail: { ...row.detail } }));
      return { entries, next: rows.length === limit ? (rows.at(-1)?.id ?? null) : null };
    },
  );
}
