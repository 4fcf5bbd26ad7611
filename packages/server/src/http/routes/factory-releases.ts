// The factory's beginning: what is watched, and which releases there are.

import { Release, ReleaseDetail, ReleaseRequest, Watch, WatchRequest } from '@resplice/protocol/factory';
import { z } from 'zod';
import { addWatch, checkWatchNow, removeWatch, requestRelease } from '../../factory/release-change.js';
import { listReleases, listWatches, showRelease, viewWatch } from '../../factory/release-view.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, DONE, Done, Identified } from '../route-parts.js';

/** A patch series is longer than what else is asked. */
const MAX_SERIES_BYTES = 16 * 1024 * 1024;

export function addFactoryReleaseRoutes(app: App, service: Service): void {
  const { orm } = service.database;

  app.get(
    '/api/v1/factory/watches',
    {
      config: { need: 'read' },
      schema: {
        summary: 'where new kernels are looked for',
        response: answers(z.object({ watches: z.array(Watch) })),
      },
    },
    async (request) => ({ watches: [...(await listWatches(orm, principalOf(request).organisationId))] }),
  );

  app.post(
    '/api/v1/factory/watches',
    {
      config: { need: 'factory' },
      schema: {
        summary: 'look for new kernels from now on, here',
        body: WatchRequest,
        response: answers(Watch),
      },
    },
    async (request) => viewWatch(await addWatch(orm, authorOf(request), request.body)),
  );

  app.delete(
    '/api/v1/factory/watches/:id',
    {
      config: { need: 'factory' },
      schema: {
        summary: 'look no more; releases that were noticed stay',
        params: Identified,
        response: answers(Done, 'not-found'),
      },
    },
    async (request) => {
      await removeWatch(orm, authorOf(request), request.params.id);
      return DONE;
    },
  );

  app.post(
    '/api/v1/factory/watches/:id/check',
    {
      config: { need: 'factory' },
      schema: {
        summary: 'look now',
        params: Identified,
        body: z.object({}),
        response: answers(Done, 'not-found'),
      },
    },
    async (request) => {
      await checkWatchNow(orm, authorOf(request), request.params.id);
      return DONE;
    },
  );

  app.get(
    '/api/v1/factory/releases',
    {
      config: { need: 'read' },
      schema: {
        summary: 'releases with what their units have come to, the newest first',
        response: answers(z.object({ releases: z.array(Release) })),
      },
    },
    async (request) => ({ releases: [...(await listReleases(orm, principalOf(request).organisationId))] }),
  );

  app.post(
    '/api/v1/factory/releases',
    {
      config: { need: 'factory' },
      bodyLimit: MAX_SERIES_BYTES,
      schema: {
        summary: 'work on a release: two versions, commits of a git repository, or patches',
        body: ReleaseRequest,
        response: answers(z.object({ id: z.uuid() }), 'request-malformed', 'message-too-large'),
      },
    },
    async (request) => ({
      id: await requestRelease(orm, service.artefacts, authorOf(request), request.body),
    }),
  );

  app.get(
    '/api/v1/factory/releases/:id',
    {
      config: { need: 'read' },
      schema: {
        summary: 'one release with its table of CVEs',
        params: Identified,
        response: answers(ReleaseDetail, 'not-found'),
      },
    },
    (request) => showRelease(orm, principalOf(request).organisationId, request.params.id),
  );
}
