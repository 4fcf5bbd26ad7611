// Whatever a handler throws becomes one of the closed list of errors. Details of a bug go to the log and not to the caller.

import { ERRORS, type ErrorCode } from '@resplice/protocol';
import { InputError } from '@resplice/report';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { ServiceError } from '../failure.js';
import { isPage, type PageAnswer } from './site.js';

const BY_FASTIFY_CODE: ReadonlyMap<string, ErrorCode> = new Map([
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'message-too-large'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'media-type-unknown'],
]);

/** `page` answers those who ask with a browser for an address that is none of the API: the dashboard knows its own. */
export function answerFailures(app: FastifyInstance, page?: PageAnswer): void {
  app.setErrorHandler((error: unknown, request, reply) => {
    const failure = asServiceError(error, request);
    return answer(reply, failure);
  });
  app.setNotFoundHandler((request, reply) =>
    page !== undefined && isPage(request)
      ? page(reply)
      : answer(
          reply,
          new ServiceError('not-found', 'there is nothing at this address; see /api/v1/openapi.json'),
        ),
  );
}

function answer(reply: FastifyReply, failure: ServiceError) {
  if (failure.retryAfterSeconds !== undefined) reply.header('retry-after', `${failure.retryAfterSeconds}`);
  if (failure.status === 401) reply.header('www-authenticate', 'Bearer');
  const { code, message } = failure;
  return reply
    .status(failure.status)
    .type('application/json')
    .serializer(JSON.stringify)
    .send({ error: { code, message } });
}

function asServiceError(error: unknown, request: FastifyRequest): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof InputError) return new ServiceError('request-malformed', error.message);
  if (hasZodFastifySchemaValidationErrors(error)) {
    const problems = error.validation.map(
      ({ instancePath, message }) => `${instancePath.slice(1) || error.validationContext}: ${message}`,
    );
    return new ServiceError('request-malformed', problems.slice(0, 10).join('; '));
  }
  const { code, statusCode, message } = error as Partial<FastifyError>;
  const known = BY_FASTIFY_CODE.get(code ?? '');
  if (known !== undefined) return new ServiceError(known, ERRORS[known].title);
  // A static file that may not be had is, for who asks, not there.
  if (statusCode === 403 || statusCode === 404) return new ServiceError('not-found');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new ServiceError('request-malformed', message);
  request.log.error({ err: error, url: request.routeOptions.url }, 'request failed');
  if (isUnreachableDatabase(error))
    return new ServiceError('server-busy', 'the database does not answer at present', 30);
  return new ServiceError('internal-error');
}

/** SQLSTATE classes 08 (connection), 53 (resources), 57 (shut down), or an error of the socket; drizzle puts it into `cause`. */
function isUnreachableDatabase(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^(?:08|53|57)...$/.test(code) || /^(?:ECONN|EPIPE|ETIMEDOUT)/.test(code)) return true;
  if (/timeout exceeded when trying to connect|Connection terminated/.test(error.message)) return true;
  return isUnreachableDatabase(error.cause);
}
