import { VERSION } from '@resplice/report';
import { eq, sql } from 'drizzle-orm';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { stagedRollouts } from '../../database/schema.js';
import { summariseFleet } from '../../machine/fleet-view.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { readerOf } from '../route-parts.js';

const startedAt = Date.now() / 1000;

export function addSystemRoutes(app: App, service: Service): void {
  app.get(
    '/api/v1/health',
    {
      config: { need: 'public' },
      schema: {
        summary: 'whether the server and its database answer',
        response: { 200: z.object({ ok: z.literal(true), version: z.string() }) },
      },
    },
    async () => {
      await service.database.orm.execute(sql`select 1`);
      return { ok: true as const, version: VERSION };
    },
  );

  app.get(
    '/api/v1/openapi.json',
    { config: { need: 'public' }, schema: { hide: true } },
    async (_request, reply) => reply.type('application/json').serializer(JSON.stringify).send(app.swagger()),
  );

  app.get(
    '/metrics',
    { config: { need: 'read' }, schema: { summary: 'figures in the text format of Prometheus' } },
    async (request, reply) => {
      const summary = await summariseFleet(await readerOf(service, request));
      const gauges = new Map<string, number>([
        ...Object.entries(summary.byState).map(
          ([state, count]) => [`resplice_machines{state="${state}"}`, count] as const,
        ),
        ...Object.entries(summary.byStatus).map(
          ([status, count]) => [`resplice_machines{state="active",status="${status}"}`, count] as const,
        ),
        ['resplice_machines_silent', summary.silent],
        ['resplice_machines_conflict', summary.conflicts],
        ['resplice_machines_health_bad', summary.byHealth.bad ?? 0],
        ...(await rolloutGauges(service, request)),
        ['resplice_check_ins_waiting', service.checkIns.length],
        ...[...(await service.jobs.count())].map(
          ([name, count]) => [`resplice_jobs_waiting{job="${name}"}`, count] as const,
        ),
        ...repositoryGauges(service),
        ['process_resident_memory_bytes', process.memoryUsage.rss()],
        ['process_start_time_seconds', startedAt],
      ]);
      return reply.type('text/plain; version=0.0.4').send(service.metrics.render(gauges));
    },
  );
}

async function rolloutGauges(
  { database }: Service,
  request: FastifyRequest,
): Promise<readonly (readonly [string, number])[]> {
  const { organisationId } = principalOf(request);
  const rows = await database.orm
    .select({ state: stagedRollouts.state })
    .from(stagedRollouts)
    .where(eq(stagedRollouts.organisationId, organisationId));
  return (['waiting', 'rolling', 'halted'] as const).map(
    (state) =>
      [`resplice_rollouts{state="${state}"}`, rows.filter((row) => row.state === state).length] as const,
  );
}

function repositoryGauges({ repository, now }: Service): readonly (readonly [string, number])[] {
  const { state } = repository;
  if (state === undefined) return [];
  const age = state.verifiedAt === null ? -1 : (now().getTime() - state.verifiedAt.getTime()) / 1000;
  return [
    ['resplice_repository_good', state.problem === null ? 1 : 0],
    ['resplice_repository_age_seconds', Math.round(age)],
  ];
}
