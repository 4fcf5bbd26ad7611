// The factory at work: jobs, workers, what is worked on first, and what is published.

import {
  Cumulative,
  FactoryWorker,
  JobList,
  JobLog,
  JobQuery,
  PriorityImport,
  PriorityImported,
  PublishRequest,
} from '@resplice/protocol/factory';
import { z } from 'zod';
import { readLog } from '../../factory/job-queue.js';
import { findJob, listCumulatives, listJobs, listWorkers } from '../../factory/job-view.js';
import { importPriorities } from '../../factory/priority.js';
import { requestPublication } from '../../factory/publication-request.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, Identified } from '../route-parts.js';

/** Ten thousand CVEs of the NVD's API are some tens of megabytes. */
const MAX_IMPORT_BYTES = 64 * 1024 * 1024;

export function addFactoryJobRoutes(app: App, service: Service): void {
  const { orm } = service.database;

  app.get(
    '/api/v1/factory/jobs',
    {
      config: { need: 'read' },
      schema: {
        summary: 'jobs: those that run, that wait, and the newest that have ended',
        querystring: JobQuery,
        response: answers(JobList),
      },
    },
    (request) => listJobs(orm, principalOf(request).organisationId, request.query),
  );

  app.get(
    '/api/v1/factory/jobs/:id/log',
    {
      config: { need: 'read' },
      schema: {
        summary: 'the log of a job from a position on, also while it grows',
        params: Identified,
        querystring: z.object({ from: z.coerce.number().int().nonnegative().default(0) }),
        response: answers(JobLog, 'not-found'),
      },
    },
    async (request) => {
      const { id, state } = await findJob(orm, principalOf(request).organisationId, request.params.id);
      const log = await readLog(orm, id, request.query.from);
      return { ...log, ended: state !== 'waiting' && state !== 'running' && log.text === '' };
    },
  );

  app.get(
    '/api/v1/factory/workers',
    {
      config: { need: 'read' },
      schema: { summary: 'workers', response: answers(z.object({ workers: z.array(FactoryWorker) })) },
    },
    async (request) => ({ workers: [...(await listWorkers(orm, principalOf(request).organisationId))] }),
  );

  app.post(
    '/api/v1/factory/priorities',
    {
      config: { need: 'factory' },
      bodyLimit: MAX_IMPORT_BYTES,
      schema: {
        summary: 'import which CVEs are exploited or severe: CSV, KEV or NVD',
        body: PriorityImport,
        response: answers(PriorityImported, 'request-malformed', 'message-too-large'),
      },
    },
    (request) => importPriorities(orm, authorOf(request), request.body.text),
  );

  app.get(
    '/api/v1/factory/cumulatives',
    {
      config: { need: 'read' },
      schema: {
        summary: 'cumulative updates by kernel, the newest first',
        response: answers(z.object({ cumulatives: z.array(Cumulative) })),
      },
    },
    async (request) => ({
      cumulatives: [...(await listCumulatives(orm, principalOf(request).organisationId))],
    }),
  );

  app.post(
    '/api/v1/factory/publish',
    {
      config: { need: 'review' },
      schema: {
        summary: 'make and publish the next cumulative update of these kernels, or of all with a change',
        body: PublishRequest,
        response: answers(z.object({ kernels: z.array(z.string()) }), 'conflict'),
      },
    },
    async (request) => ({
      kernels: [...(await requestPublication(orm, authorOf(request), request.body.kernels))],
    }),
  );
}
