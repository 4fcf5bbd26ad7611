// The closed list of what the server says instead of an answer, with the HTTP status that it comes with. A client decides by
// `code`; the status is for proxies and logs. docs/server.md shows the list.

import { z } from 'zod';

export const ERRORS = {
  'request-malformed': { status: 400, title: 'the message is not what this address expects' },
  'not-authenticated': { status: 401, title: 'no credentials, or they are not valid (any more)' },
  'access-key-refused': { status: 401, title: 'the access key is unknown, revoked or used up' },
  'login-refused': { status: 401, title: 'name, password or one-time code is wrong' },
  'one-time-code-needed': { status: 401, title: 'this user logs in with a one-time code as well' },
  'not-allowed': { status: 403, title: 'the role or the scope of the credentials does not include this' },
  'not-found': { status: 404, title: 'there is no such thing, or it is not yours' },
  conflict: { status: 409, title: 'the present state does not allow it' },
  'check-in-replayed': { status: 409, title: 'this check-in was acknowledged before' },
  'machine-cloned': { status: 409, title: 'two machines use one token' },
  'message-too-large': { status: 413, title: 'the message is longer than the server reads' },
  'media-type-unknown': { status: 415, title: 'the message is of a type that is not read here' },
  'too-many-requests': { status: 429, title: 'too many attempts; wait as Retry-After says' },
  'internal-error': { status: 500, title: 'a bug in the server; its log has the details' },
  'server-busy': { status: 503, title: 'try again after the time in Retry-After' },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>;

export type ErrorCode = keyof typeof ERRORS;

const CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

export const ErrorMessage = z.object({
  error: z.object({ code: z.enum(CODES), message: z.string() }),
});
export type ErrorMessage = z.infer<typeof ErrorMessage>;
