// The open line to a page. See packages/protocol/src/live.ts for what it says, live/ for how it is heard.

import { PassThrough } from 'node:stream';
import { LIVE_PATH, LIVE_TOPICS, LiveTopic } from '@resplice/protocol/console';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ServiceError } from '../../failure.js';
import { LiveStream } from '../../live/live-stream.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { askedBy, principalOf } from '../guard.js';

/** How soon a page notices that its user was logged out, disabled or given another role. */
const RIGHTS_FRESH_MS = 30_000;

const Topics = z
  .string()
  .max(200)
  .default(LIVE_TOPICS.join(','))
  .transform((text) => text.split(','))
  .pipe(z.array(LiveTopic).min(1));

export function addEventRoutes(app: App, service: Service): void {
  app.addHook('preClose', () => service.live.close());

  app.get(
    LIVE_PATH,
    {
      config: { need: 'read' },
      exposeHeadRoute: false,
      schema: {
        summary: 'server-sent events: what is different now; ?topics= asks for some of them',
        querystring: z.object({ topics: Topics }),
      },
    },
    async (request, reply) => {
      const { organisationId, userId } = principalOf(request);
      service.live.assertRoomFor(userId);
      const line = new PassThrough();
      const stream = new LiveStream(organisationId, new Set(request.query.topics), line);
      service.live.add(stream, userId);
      const check = setInterval(() => {
        void mayStillRead(service, request).then((may) => {
          if (!may) service.live.remove(stream);
        });
      }, RIGHTS_FRESH_MS);
      check.unref();
      const end = (): void => {
        clearInterval(check);
        service.live.remove(stream);
      };
      line.once('close', end);
      request.raw.once('close', end);
      return (
        reply
          .type('text/event-stream')
          // One that is kept would hold up the end of the server.
          .header('connection', 'close')
          // Else nginx collects what is to arrive at once.
          .header('x-accel-buffering', 'no')
          .send(line)
      );
    },
  );
}

async function mayStillRead(service: Service, request: FastifyRequest): Promise<boolean> {
  try {
    const { organisationId, rights } = await askedBy(service, request);
    return rights.has('read') && organisationId === principalOf(request).organisationId;
  } catch (error) {
    // A database that is away for a moment throws nobody out.
    return !(error instanceof ServiceError);
  }
}
