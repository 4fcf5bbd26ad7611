// A server by HTTP, for the commands that ask it as a CI system or any other program would: `resplice factory`, `resplice rollout`.

import { readFile } from 'node:fs/promises';
import { ErrorMessage } from '@resplice/protocol';
import { EnvironmentError, InputError, UnreachableError, UsageError } from '@resplice/report';
import type { z } from 'zod';
import { newCommand } from './command.js';

const DEFAULT_SERVER = 'http://127.0.0.1:8440';

/** A command that talks to a server. */
export function newApiCommand(name: string, summary: string, examples: readonly string[]) {
  return newCommand(name, summary, examples)
    .option('--server <url>', `address of the server; default: RESPLICE_SERVER, else ${DEFAULT_SERVER}`)
    .option('--token-file <file>', 'an API token (POST /api/v1/tokens); default: RESPLICE_TOKEN holds it');
}

export interface ServerChoice {
  readonly server?: string | undefined;
  readonly tokenFile?: string | undefined;
}

export interface ApiClient {
  get<T extends z.ZodType>(path: string, schema: T): Promise<z.infer<T>>;
  send<T extends z.ZodType>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body: unknown,
    schema: T,
  ): Promise<z.infer<T>>;
}

/** For what lies below a path. Throws UsageError `no-token`, InputError `token-not-readable`. */
export async function openApiClient(
  { server, tokenFile }: ServerChoice,
  signal: AbortSignal,
  below = '/api/v1/',
  env: NodeJS.ProcessEnv = process.env,
): Promise<ApiClient> {
  const address = server ?? env.RESPLICE_SERVER ?? DEFAULT_SERVER;
  const token = tokenFile === undefined ? env.RESPLICE_TOKEN : await readToken(tokenFile);
  if (token === undefined || token === '')
    throw new UsageError(
      'no-token',
      'the server asks who you are: make an API token there, and name it by --token-file or RESPLICE_TOKEN',
    );
  const ask = async <T extends z.ZodType>(
    method: string,
    path: string,
    body: unknown,
    schema: T,
  ): Promise<z.infer<T>> => {
    const url = new URL(`${below}${path}`, address);
    const answer = await request(url, { method, token, body, signal });
    const text = await answer.text();
    if (!answer.ok) throw refusal(url, answer.status, text);
    const parsed = schema.safeParse(parseJson(url, text));
    if (parsed.success) return parsed.data;
    throw new EnvironmentError(
      'server-not-understood',
      `${url.origin} answers in another way than this version expects; use the command of the server's version`,
      { cause: parsed.error },
    );
  };
  return {
    get: (path, schema) => ask('GET', path, undefined, schema),
    send: (method, path, body, schema) => ask(method, path, body, schema),
  };
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    const message = `${file}: the token cannot be read; check the path and its permissions`;
    throw new InputError('token-not-readable', message, { context: { file }, cause });
  }
}

interface Request {
  readonly method: string;
  readonly token: string;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

async function request(url: URL, { method, token, body, signal }: Request): Promise<Response> {
  try {
    return await fetch(url, {
      method,
      signal,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    signal.throwIfAborted();
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : `${cause}`;
    const message = `${url.origin} cannot be reached (${reason}); name the server by --server or RESPLICE_SERVER`;
    throw new UnreachableError('server-unreachable', message, { cause });
  }
}

function parseJson(url: URL, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `${url.origin} does not answer as a server of resplice; check the address`;
    throw new EnvironmentError('server-not-understood', message, { cause });
  }
}

/** What the server said, as an error of ours: bad usage and input are told apart from what is wrong there. */
function refusal(url: URL, status: number, text: string): Error {
  const parsed = ErrorMessage.safeParse(parseJson(url, text));
  const { code, message } = parsed.success
    ? parsed.data.error
    : { code: 'server-error', message: `${url.origin} answers ${status}` };
  return status >= 500 ? new EnvironmentError(code, message) : new InputError(code, message);
}
