import { CveStanding, FleetSummary } from '@resplice/protocol/console';
import { z } from 'zod';
import { summariseFleet, viewCves } from '../../machine/fleet-view.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { answers, readerOf } from '../route-parts.js';

export function addFleetRoutes(app: App, service: Service): void {
  app.get(
    '/api/v1/fleet',
    {
      config: { need: 'read' },
      schema: { summary: 'the fleet in figures', response: answers(FleetSummary) },
    },
    async (request) => {
      const { machines, byState, byStatus, byHealth, silent, conflicts, kernels, effective } =
        await summariseFleet(await readerOf(service, request));
      const { state } = service.repository;
      return {
        machines,
        byState: { ...byState },
        byStatus: { ...byStatus },
        byHealth: { ...byHealth },
        silent,
        conflicts,
        kernels: kernels.map((kernel) => ({ ...kernel })),
        effective: effective.map((each) => ({ ...each })),
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
        response: answers(z.object({ cves: z.array(CveStanding) })),
      },
    },
    async (request) => {
      const cves = await viewCves(await readerOf(service, request));
      return { cves: cves.map((view) => ({ ...view, updates: [...view.updates] })) };
    },
  );
}
