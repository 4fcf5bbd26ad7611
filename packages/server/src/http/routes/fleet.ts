import { CveStanding, FleetHistory, FleetSummary, Moment } from '@resplice/protocol/console';
import { z } from 'zod';
import { ServiceError } from '../../failure.js';
import { readFleetHistory } from '../../machine/fleet-history.js';
import { summariseFleet, viewCves } from '../../machine/fleet-view.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, readerOf } from '../route-parts.js';

const WEEK_MS = 7 * 86_400_000;

export function addFleetRoutes(app: App, service: Service): void {
  app.get(
    '/api/v1/fleet',
    {
      config: { need: 'read' },
      schema: { summary: 'the fleet in figures', response: answers(FleetSummary) },
    },
    async (request) => {
      const { machines, byState, byStatus, byHealth, silent, conflicts, standing, kernels, effective } =
        await summariseFleet(await readerOf(service, request));
      const { state } = service.repository;
      return {
        machines,
        byState: { ...byState },
        byStatus: { ...byStatus },
        byHealth: { ...byHealth },
        silent,
        conflicts,
        standing,
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
    '/api/v1/fleet/history',
    {
      config: { need: 'read' },
      schema: {
        summary: 'the fleet over time; without from, the last seven days',
        querystring: z.object({ from: Moment.optional(), to: Moment.optional() }),
        response: answers(FleetHistory, 'request-malformed'),
      },
    },
    async (request) => {
      const to = request.query.to === undefined ? service.now() : new Date(request.query.to);
      const from =
        request.query.from === undefined ? new Date(to.getTime() - WEEK_MS) : new Date(request.query.from);
      if (from > to) throw new ServiceError('request-malformed', 'from is later than to');
      return readFleetHistory(service.database.orm, principalOf(request).organisationId, { from, to });
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
