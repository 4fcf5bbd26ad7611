import { randomUUID } from 'node:crypto';
import { EventKind, Webhook } from '@resplice/protocol/console';
import { and, eq } from 'drizzle-orm';
import { z } from 'zod';
import { makeCredential } from '../../access/credential.js';
import { entryOf, writeAudit } from '../../audit.js';
import { webhooks } from '../../database/schema.js';
import { notFound } from '../../failure.js';
import { EVENT_NAMES, EVENTS } from '../../job/notifier.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, DONE, Done, Identified, iso, isoOrNull } from '../route-parts.js';

export function addWebhookRoutes(app: App, service: Service): void {
  const { orm } = service.database;

  app.get(
    '/api/v1/webhooks',
    {
      config: { need: 'settings' },
      schema: {
        summary: 'webhooks, and the events that they can ask for',
        response: answers(z.object({ webhooks: z.array(Webhook), events: z.array(EventKind) })),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const rows = await orm
        .select()
        .from(webhooks)
        .where(eq(webhooks.organisationId, organisationId))
        .orderBy(webhooks.createdAt);
      const events = EVENT_NAMES.map((name) => ({ name, title: EVENTS[name].title }));
      return { webhooks: rows.map(render), events };
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

function render(row: typeof webhooks.$inferSelect): Webhook {
  const { id, url, events, lastStatus } = row;
  return { id, url, events, lastStatus, createdAt: iso(row.createdAt), lastAt: isoOrNull(row.lastAt) };
}
