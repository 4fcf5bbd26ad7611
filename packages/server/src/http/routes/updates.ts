// Updates as the repository has them, and what the organisation decided about each.

import { UpdateId } from '@resplice/protocol';
import { LAST_RING, UpdateStanding } from '@resplice/protocol/console';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { rollouts } from '../../database/schema.js';
import { countByUpdate } from '../../machine/fleet-view.js';
import type { Service } from '../../service.js';
import type { PublishedUpdate } from '../../update/catalogue.js';
import { type Decision, decideUpdate } from '../../update/rollout.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, DONE, Done, iso, isoOrNull, readerOf } from '../route-parts.js';

const Params = z.object({ id: UpdateId });

export function addUpdateRoutes(app: App, service: Service): void {
  const { orm } = service.database;

  app.get(
    '/api/v1/updates',
    {
      config: { need: 'read' },
      schema: {
        summary: 'updates, what was decided about them, and how many machines have them',
        response: answers(z.object({ updates: z.array(UpdateStanding) })),
      },
    },
    async (request) => {
      const reader = await readerOf(service, request);
      const { organisationId } = principalOf(request);
      const counts = await countByUpdate(reader);
      const decided = await orm.select().from(rollouts).where(eq(rollouts.organisationId, organisationId));
      const decisions = new Map(decided.map((row) => [row.updateId, row]));
      const byId = new Map<string, PublishedUpdate[]>();
      for (const update of reader.catalogue.updates)
        byId.set(update.updateId, [...(byId.get(update.updateId) ?? []), update]);
      const updates = [...byId].map(([id, builds]) => {
        const decision = decisions.get(id);
        return {
          id,
          description: builds[0]?.description ?? '',
          cves: [...new Set(builds.flatMap(({ cves }) => cves))].sort(),
          ring: decision?.ring ?? reader.catalogue.defaultRings.get(organisationId) ?? LAST_RING,
          withdrawnAt: isoOrNull(decision?.withdrawnAt ?? null),
          reason: decision?.reason ?? null,
          changedBy: decision?.changedBy ?? null,
          ...(counts.get(id) ?? { applied: 0, available: 0, failed: 0 }),
          kernels: builds.map((build) => ({
            path: build.path,
            release: build.kernelRelease,
            version: build.kernelVersion,
            buildId: build.buildId,
            engine: build.engine,
            requires: build.requires,
            length: build.length,
            sha256: build.sha256,
            publishedAt: iso(build.publishedAt),
            goneAt: isoOrNull(build.goneAt),
          })),
        };
      });
      return { updates };
    },
  );

  const decide = async (request: Parameters<typeof principalOf>[0], id: string, decision: Decision) => {
    const who = authorOf(request);
    await decideUpdate(orm, await service.catalogue.get(orm), who, id, decision);
    const event = decision.kind === 'withdraw' ? 'update.withdrawn' : 'update.released';
    void service.notifier.notify(who.principal.organisationId, event, [{ update: id, ...decision }]);
    return DONE;
  };

  app.post(
    '/api/v1/updates/:id/release',
    {
      config: { need: 'rollout' },
      schema: {
        summary: 'release an update to the rings up to this one; a lower ring than before holds it back',
        params: Params,
        body: z.object({ ring: z.number().int().min(-1).max(LAST_RING) }),
        response: answers(Done, 'not-found'),
      },
    },
    (request) => decide(request, request.params.id, { kind: 'release', ring: request.body.ring }),
  );

  app.post(
    '/api/v1/updates/:id/withdraw',
    {
      config: { need: 'withdraw' },
      schema: {
        summary: 'have every machine take the update back',
        params: Params,
        body: z.object({ reason: z.string().trim().min(1).max(1000) }),
        response: answers(Done, 'not-found'),
      },
    },
    (request) => decide(request, request.params.id, { kind: 'withdraw', reason: request.body.reason }),
  );

  app.post(
    '/api/v1/updates/:id/restore',
    {
      config: { need: 'rollout' },
      schema: {
        summary: 'end a withdrawal',
        params: Params,
        body: z.object({}),
        response: answers(Done, 'not-found'),
      },
    },
    (request) => decide(request, request.params.id, { kind: 'restore' }),
  );
}
