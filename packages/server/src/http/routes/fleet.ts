import { z } from 'zod';
import { summariseFleet, viewCves } from '../../machine/fleet-view.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { answers, Moment, readerOf } from '../route-parts.js';

const Counts = z.record(z.string(), z.number());

const Summary = z.object({
  machines: z.number(),
  byState: Counts,
  byStatus: Counts,
  byHealth: Counts,
  silent: z.number(),
  conflicts: z.number(),
  kernels: z.array(
    z.object({
      release: z.string(),
      version: z.string(),
      buildId: z.string(),
      machines: z.number(),
      uptodate: z.number(),
    }),
  ),
  repository: z
    .object({
      verifiedAt: Moment.nullable(),
      problem: z.string().nullable(),
      rootSha256: z.string().nullable(),
    })
    .nullable(),
});

const Cve = z.object({
  cve: z.string(),
  updates: z.array(z.string()),
  fixed: z.number(),
  open: z.number(),
});

export function addFleetRoutes(app: App, service: Service): void {
  app.get(
    '/api/v1/fleet',
    { config: { need: 'read' }, schema: { summary: 'the fleet in figures', response: answers(Summary) } },
    async (request) => {
      const { machines, byState, byStatus, byHealth, silent, conflicts, kernels } = await summariseFleet(
        await readerOf(service, request),
      );
      const { state } = service.repository;
      return {
        machines,
        byState: { ...byState },
        byStatus: { ...byStatus },
        byHealth: { ...byHealth },
        silent,
        conflicts,
        kernels: kernels.map((kernel) => ({ ...kernel })),
        repository:
          state === undefined
            ? null
            : {
                verifiedAt: state.verifiedAt?.toISOString() ?? null,
                problem: state.problem,
                rootSha256: state.rootSha256,
              },
      };
    },
  );

  app.get(
    '/api/v1/cves',
    {
      config: { need: 'read' },
      schema: {
        summary:
          'CVEs that updates are for, and on how many active machines each is fixed live or still open',
        response: answers(z.object({ cves: z.array(Cve) })),
      },
    },
    async (request) => {
      const cves = await viewCves(await readerOf(service, request));
      return { cves: cves.map((view) => ({ ...view, updates: [...view.updates] })) };
    },
  );
}
