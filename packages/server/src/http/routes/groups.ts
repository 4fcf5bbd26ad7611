import { randomUUID } from 'node:crypto';
import { InstallMode } from '@resplice/protocol';
import { Group, LAST_RING, MaintenanceWindows, Ring } from '@resplice/protocol/console';
import { and, eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { entryOf, writeAudit } from '../../audit.js';
import { type Orm, selectRows } from '../../database/database.js';
import { groups } from '../../database/schema.js';
import { notFound, ServiceError } from '../../failure.js';
import { announce } from '../../live/announcement.js';
import { assertNotInPlans } from '../../rollout/plan-groups.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, DONE, Done, Identified, Name } from '../route-parts.js';

export function addGroupRoutes(app: App, service: Service): void {
  const { orm } = service.database;
  const list = (organisationId: string) =>
    selectRows<Group>(
      orm,
      sql`select g.id, g.name, g.mode, g.ring, g.windows, count(m.id)::int machines from groups g
          left join machines m on m.group_id = g.id and not m.hidden
          where g.organisation_id = ${organisationId} group by g.id order by g.name`,
    );

  app.get(
    '/api/v1/groups',
    {
      config: { need: 'read' },
      schema: { summary: 'groups of machines', response: answers(z.object({ groups: z.array(Group) })) },
    },
    async (request) => ({ groups: [...(await list(principalOf(request).organisationId))] }),
  );

  app.post(
    '/api/v1/groups',
    {
      config: { need: 'machines' },
      schema: {
        summary: 'make a group',
        body: z.object({
          name: Name,
          mode: InstallMode.nullable().default(null),
          ring: Ring.default(LAST_RING),
          windows: MaintenanceWindows.nullable().default(null),
        }),
        response: answers(Group, 'conflict'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const { name, mode, ring, windows } = request.body;
      return orm.transaction(async (transaction) => {
        const [row] = await transaction
          .insert(groups)
          .values({ id: randomUUID(), organisationId, name, mode, ring, windows })
          .onConflictDoNothing()
          .returning();
        if (row === undefined) throw new ServiceError('conflict', `there is a group ${name} already`);
        const detail = { mode, ring, windows };
        await writeAudit(transaction, entryOf(authorOf(request), 'group.make', name, detail));
        await announce(transaction, organisationId, 'groups', [row.id]);
        return { ...row, machines: 0 };
      });
    },
  );

  app.patch(
    '/api/v1/groups/:id',
    {
      config: { need: 'machines' },
      schema: {
        summary: 'change a group: name, mode, ring, maintenance windows',
        params: Identified,
        body: z
          .object({
            name: Name,
            mode: InstallMode.nullable(),
            ring: Ring,
            windows: MaintenanceWindows.nullable(),
          })
          .partial()
          .refine((body) => Object.keys(body).length > 0, 'nothing is to be changed'),
        response: answers(Done, 'not-found', 'conflict'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const { name, mode, ring, windows } = request.body;
      await orm.transaction(async (transaction) => {
        if (name !== undefined) await assertNameFree(transaction, organisationId, request.params.id, name);
        const [row] = await transaction
          .update(groups)
          .set({
            ...(name === undefined ? {} : { name }),
            ...(mode === undefined ? {} : { mode }),
            ...(ring === undefined ? {} : { ring }),
            ...(windows === undefined ? {} : { windows }),
          })
          .where(and(eq(groups.organisationId, organisationId), eq(groups.id, request.params.id)))
          .returning()
          .catch((cause: unknown) => {
            throw isUniqueViolation(cause)
              ? new ServiceError('conflict', `there is a group ${name} already`)
              : cause;
          });
        if (row === undefined) throw notFound('group');
        const detail = request.body;
        await writeAudit(transaction, entryOf(authorOf(request), 'group.change', row.name, detail));
        await announce(transaction, organisationId, 'groups', [row.id]);
      });
      return DONE;
    },
  );

  app.delete(
    '/api/v1/groups/:id',
    {
      config: { need: 'machines' },
      schema: {
        summary: 'remove a group; its machines are then in none',
        params: Identified,
        response: answers(Done, 'not-found', 'conflict'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      await orm.transaction(async (transaction) => {
        await assertNameFree(transaction, organisationId, request.params.id, undefined);
        const [row] = await transaction
          .delete(groups)
          .where(and(eq(groups.organisationId, organisationId), eq(groups.id, request.params.id)))
          .returning();
        if (row === undefined) throw notFound('group');
        await writeAudit(transaction, entryOf(authorOf(request), 'group.remove', row.name));
        await announce(transaction, organisationId, 'groups', [row.id]);
      });
      return DONE;
    },
  );
}

/** Whether a group may lose its name, to `name` or with itself. */
async function assertNameFree(
  orm: Pick<Orm, 'select'>,
  organisationId: string,
  id: string,
  name: string | undefined,
): Promise<void> {
  const [row] = await orm
    .select({ name: groups.name })
    .from(groups)
    .where(and(eq(groups.organisationId, organisationId), eq(groups.id, id)));
  if (row !== undefined && row.name !== name) await assertNotInPlans(orm, organisationId, row.name);
}

function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === '23505') || isUniqueViolation(error.cause);
}
