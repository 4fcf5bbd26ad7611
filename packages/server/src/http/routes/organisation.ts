import { AuditEntry, OrganisationSettings } from '@resplice/protocol/console';
import { and, desc, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import type { Principal } from '../../access/principal.js';
import { entryOf, writeAudit } from '../../audit.js';
import type { Orm } from '../../database/database.js';
import { auditLog, organisations } from '../../database/schema.js';
import { notFound, ServiceError } from '../../failure.js';
import { hasAutomaticPlan, keepPublished } from '../../rollout/automatic.js';
import type { Service } from '../../service.js';
import { bumpCatalogue, type Catalogue } from '../../update/catalogue.js';
import { LAST_RING } from '../../update/desired-state.js';
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
        response: answers(OrganisationSettings, 'request-malformed', 'conflict'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const set = Object.fromEntries(Object.entries(request.body).filter(([, value]) => value !== undefined));
      const catalogue = await service.catalogue.get(orm);
      const row = await orm.transaction(async (transaction) => {
        await bumpCatalogue(transaction);
        if (request.body.rollout === 'plan')
          await beginPlans(transaction as Orm, catalogue, principalOf(request));
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

/** What was published before stays where it is. */
async function beginPlans(
  orm: Orm,
  catalogue: Catalogue,
  { organisationId, actor }: Principal,
): Promise<void> {
  if (!(await hasAutomaticPlan(orm, organisationId))) {
    const message = 'no plan is automatic: mark one first, with PUT /api/v1/rollout-plans/NAME';
    throw new ServiceError('conflict', message);
  }
  const ring = catalogue.defaultRings.get(organisationId) ?? LAST_RING;
  await keepPublished(orm, catalogue, organisationId, ring, actor);
}
