// The HTTP side: one fastify instance with all routes. Schemas of zod are the types of the handlers, the validation and the OpenAPI
// document at once.

import { resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import fastifySwagger from '@fastify/swagger';
import { MAX_MESSAGE_BYTES, REPOSITORY_PATH } from '@resplice/protocol';
import { VERSION } from '@resplice/report';
import fastify, { type FastifyInstance, type FastifyPluginAsync, LogController } from 'fastify';
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { ServiceError } from '../failure.js';
import type { Service } from '../service.js';
import { answerFailures } from './failure-answer.js';
import { guardRoutes } from './guard.js';
import { addAccessKeyRoutes } from './routes/access-keys.js';
import { addArtefactRoutes } from './routes/artefacts.js';
import { addEventRoutes } from './routes/events.js';
import { addExposureRoutes } from './routes/exposure.js';
import { addFactoryCandidateRoutes } from './routes/factory-candidates.js';
import { addFactoryJobRoutes } from './routes/factory-jobs.js';
import { addFactoryReleaseRoutes } from './routes/factory-releases.js';
import { addFleetRoutes } from './routes/fleet.js';
import { addGroupRoutes } from './routes/groups.js';
import { addKspliceRoutes } from './routes/ksplice.js';
import { addMachineMessageRoutes } from './routes/machine-messages.js';
import { addMachineRoutes } from './routes/machines.js';
import { addOrganisationRoutes } from './routes/organisation.js';
import { addRolloutRoutes } from './routes/rollouts.js';
import { addSessionRoutes } from './routes/session.js';
import { addSystemRoutes } from './routes/system.js';
import { addUpdateRoutes } from './routes/updates.js';
import { addUserRoutes } from './routes/users.js';
import { addWebhookRoutes } from './routes/webhooks.js';
import { serveSite } from './site.js';
import { parseStorableJson } from './stored-text.js';

export type App = ReturnType<typeof createApp>;

export async function buildApp(service: Service): Promise<App> {
  const app = createApp(service);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, parseStorableJson(String(body)));
    } catch (error) {
      done(error as ServiceError);
    }
  });
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.includes('%00'))
      throw new ServiceError('request-malformed', 'the address has the character 0');
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
  });
  const site = await serveSite(service.options.site);
  answerFailures(app, site?.page);
  guardRoutes(app, service);
  service.metrics.watch(app);
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Resplice',
        version: VERSION,
        description: 'Updates of running kernels, for a fleet of machines.',
      },
      security: [{ bearer: [] }],
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description: 'an API token, a session, or the token of a machine',
          },
        },
      },
    },
    transform: jsonSchemaTransform,
  });
  for (const add of ROUTES) add(app, service);
  if (service.options.repository !== undefined) await serveRepository(app, service.options.repository);
  if (site !== undefined) await site.register(app);
  return app;
}

function createApp(service: Service) {
  return fastify({
    bodyLimit: MAX_MESSAGE_BYTES,
    requestTimeout: 30_000,
    keepAliveTimeout: 75_000,
    routerOptions: { maxParamLength: 300 },
    trustProxy: service.options.behindProxy ?? false,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    logger: { level: 'warn', stream: { write: (line) => service.options.log(line) } },
  })
    .setValidatorCompiler(validatorCompiler)
    .setSerializerCompiler(serializerCompiler)
    .withTypeProvider<ZodTypeProvider>();
}

const ROUTES = [
  addSystemRoutes,
  addMachineMessageRoutes,
  addSessionRoutes,
  addUserRoutes,
  addOrganisationRoutes,
  addAccessKeyRoutes,
  addGroupRoutes,
  addMachineRoutes,
  addUpdateRoutes,
  addRolloutRoutes,
  addFleetRoutes,
  addEventRoutes,
  addExposureRoutes,
  addWebhookRoutes,
  addArtefactRoutes,
  addFactoryReleaseRoutes,
  addFactoryCandidateRoutes,
  addFactoryJobRoutes,
  addKspliceRoutes,
];

/** Static files; which of them belong together is said by timestamp.json, so that alone must not be kept by caches. */
async function serveRepository(app: FastifyInstance, folder: string): Promise<void> {
  const routes: FastifyPluginAsync = async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.schema = { ...route.schema, hide: true };
    });
    await scope.register(fastifyStatic, {
      root: resolve(folder),
      prefix: REPOSITORY_PATH,
      index: false,
      dotfiles: 'deny',
      decorateReply: false,
    });
    // Behind the plugin, whose own answer and the one of all other routes would win over its `setHeaders`.
    scope.addHook('onSend', async (request, reply) => {
      if (reply.statusCode !== 200 && reply.statusCode !== 304) return;
      const changes = request.url.split('?')[0]?.endsWith('timestamp.json') === true;
      reply.header('cache-control', changes ? 'no-cache' : 'public, max-age=31536000, immutable');
    });
  };
  await app.register(routes);
}
