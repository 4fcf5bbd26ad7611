import { randomUUID } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import { z } from 'zod';
import { makeCredential } from '../../access/credential.js';
import { entryOf, writeAudit } from '../../audit.js';
import { webhooks } from '../../database/schema.js';
import { notFound } from '../../failure.js';
import { EVENT_NAMES } from '../../job/notifier.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, DONE, Done, Identified, iso, isoOrNull, Moment } from '../route-parts.js';

const Webhook = z.object({
  id: z.uuid(),
  url: z.string(),
  events: z.array(z.string()),
  createdAt: Moment,
  lastStatus: z.string().nullable().describe('HTTP status of the last delivery, or why there was none'),
  lastAt: Moment.nullable(),
});

export function addWebhookRoutes(app: App, service: Service): void {
  const { orm } = service.database;

  app.get(
    '/api/v1/webhooks',
    {
      config: { need: 'settings' },
      schema: { summary: 'webhooks', response: answers(z.object({ webhooks: z.array(Webhook) })) },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const rows = await orm
        .select()
        .from(webhooks)
        .where(eq(webhooks.organisationId, organisationId))
        .orderBy(webhooks.createdAt);
      return { webhooks: rows.map(render) };
    },
  );

  app.post(
    '/api/v1/webhooks',
    {
      config: { need: 'settings' },
      schema: {
        summary: 'send events to an address; the secret that signs them is shown this once',
        body: z.object({
          url: z.url({ protocol: /^https?$/ }).max(2000),
          events: z.array(z.enum(EVENT_NAMES)).min(1),
        }),
        response: answers(Webhook.extend({ secret: z.string() })),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const { url, events } = request.body;
      const secret = makeCredential('webhook');
      const made = await orm.transaction(async (transaction) => {
        const [row] = await transaction
          .insert(webhooks)
          .values({ id: randomUUID(), organisationId, url, secret, events })
          .returning();
        if (row === undefined) throw new Error('a webhook wrote no row');
        const detail = { events };
        await writeAudit(transaction, entryOf(authorOf(request), 'webhook.make', url, detail));
        return { ...render(row), secret };
      });
      service.notifier.forget();
      return made;
    },
  );

  app.delete(
    '/api/v1/webhooks/:id',
    {
      config: { need: 'settings' },
      schema: { summary: 'remove a webhook', params: Identified, response: answers(Done, 'not-found') },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      await orm.transaction(async (transaction) => {
        const [row] = await transaction
          .delete(webhooks)
          .where(and(eq(webhooks.organisationId, organisationId), eq(webhooks.id, request.params.id)))
          .returning();
        if (row === undefined) throw notFound('webhook');
        await writeAudit(transaction, entryOf(authorOf(request), 'webhook.remove', row.url));
      });
      service.notifier.forget();
      return DONE;
    },
  );
}

function render(row: typeof webhooks.$inferSelect): z.infer<typeof Webhook> {
  const { id, url, events, lastStatus } = row;
  return { id, url, events, lastStatus, createdAt: iso(row.createdAt), lastAt: isoOrNull(row.lastAt) };
}
