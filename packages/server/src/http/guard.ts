// Every route says in its `config` which right it needs; one without does not start. Who asks is found before the body is read.

import { REPOSITORY_PATH } from '@resplice/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { assertAllowed, authenticate, findCredential, type Principal } from '../access/principal.js';
import type { Need } from '../access/rights.js';
import { ServiceError } from '../failure.js';
import type { Service } from '../service.js';
import { ASSETS_PATH } from './site.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    need?: Need;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

const CHANGING = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

export function guardRoutes(app: FastifyInstance, service: Service): void {
  app.decorateRequest('principal', null);
  app.addHook('onRoute', (route) => {
    // Static files, which anybody may have; their routes are the plugin's.
    if (route.url.startsWith(REPOSITORY_PATH) || route.url.startsWith(ASSETS_PATH))
      route.config = { ...route.config, need: 'public' };
    if (route.config?.need === undefined) throw new Error(`${route.url}: no route without a need`);
  });
  app.addHook('onRequest', async (request) => {
    const need = request.routeOptions.config.need;
    if (need === undefined || need === 'public' || need === 'machine') return;
    const { authorization, cookie } = request.headers;
    request.principal = await askedBy(service, request);
    if (authorization === undefined && cookie !== undefined) assertSameSite(request);
    assertAllowed(request.principal, need);
  });
}

/** Whose credentials a request has, as it is now. Throws ServiceError `not-authenticated`. */
export function askedBy({ database, now }: Service, { headers }: FastifyRequest): Promise<Principal> {
  const { authorization, cookie } = headers;
  // The header of the old Ksplice API, for scripts that were written for it.
  const old = headers['x-uptrack-key'];
  const credential = findCredential({ authorization, cookie }) ?? (typeof old === 'string' ? old : undefined);
  return authenticate(database.orm, credential, now());
}

/** The caller of a route that needs a right. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new ServiceError('not-authenticated');
  return request.principal;
}

/** A browser sends the cookie of its own accord: what changes something must come from our own pages. */
function assertSameSite(request: FastifyRequest): void {
  if (!CHANGING.has(request.method)) return;
  const site = request.headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  throw new ServiceError('not-allowed', 'a page of another site may not do this in your name');
}
