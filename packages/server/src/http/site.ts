// The dashboard: files with a hash in their names, which browsers may keep for ever, and one page that names them. The page is the
// answer to every address that is not of the API, so that an address within the dashboard can be opened, reloaded and sent around.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import { REPOSITORY_PATH } from '@resplice/protocol';
import { EnvironmentError } from '@resplice/report';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export const ASSETS_PATH = '/assets/';

/** Addresses of programs, for which a page is no answer. */
const OTHERS = ['/api/', ASSETS_PATH, REPOSITORY_PATH, '/metrics'];

/**
 * Scripts and styles come from files of this server and from nowhere else, none stands in the page, nothing is sent elsewhere, and no other
 * page may frame this one.
 */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
} as const;

export type PageAnswer = (reply: FastifyReply) => FastifyReply;

export interface Site {
  readonly page: PageAnswer;
  register(app: FastifyInstance): Promise<void>;
}

/** Where `npm run build` puts it; undefined when it was not built. */
export function findSite(): string | undefined {
  const folder = fileURLToPath(new URL('../../../../web/dist/site', import.meta.url));
  return existsSync(join(folder, 'index.html')) ? folder : undefined;
}

/** Throws EnvironmentError `site-missing`. */
export async function serveSite(folder: string | undefined): Promise<Site | undefined> {
  if (folder === undefined) return undefined;
  const html = await readFile(join(folder, 'index.html'), 'utf8').catch((cause: unknown) => {
    const message = `${folder}: no dashboard is in there; build it with "npm run build"`;
    throw new EnvironmentError('site-missing', message, { cause });
  });
  const page: PageAnswer = (reply) =>
    reply
      .status(200)
      .headers({ ...HEADERS, 'cache-control': 'no-cache' })
      .type('text/html; charset=utf-8')
      .send(html);
  return {
    page,
    async register(app) {
      await app.register(async (scope) => {
        scope.addHook('onRoute', (route) => {
          route.schema = { ...route.schema, hide: true };
        });
        await scope.register(fastifyStatic, {
          root: join(folder, 'assets'),
          prefix: ASSETS_PATH,
          index: false,
          dotfiles: 'deny',
          decorateReply: false,
          maxAge: '365d',
          immutable: true,
        });
      });
    },
  };
}

export function isPage({ method, url, headers }: FastifyRequest): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  if (OTHERS.some((path) => url.startsWith(path))) return false;
  return headers.accept?.includes('text/html') === true;
}
