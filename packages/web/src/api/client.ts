// The one place that talks to the server. The session is a cookie that scripts cannot read, so there is nothing to keep here.

import type { ErrorCode, ErrorMessage } from '@resplice/protocol';

const BASE = '/api/v1';

/** What the server said instead of an answer; `unreachable` when it said nothing. */
export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode | 'unreachable',
    message: string,
    readonly retryAfterSeconds: number | undefined,
  ) {
    super(message);
  }

  /** What the reader can do now, in one sentence. */
  get advice(): string {
    if (this.code === 'too-many-requests' && this.retryAfterSeconds !== undefined)
      return `Wait ${this.retryAfterSeconds} seconds, then try again.`;
    return ADVICE[this.code] ?? 'Check what was entered, then try again.';
  }
}

const ADVICE: Readonly<Partial<Record<ApiError['code'], string>>> = {
  unreachable:
    'Check that "resplice serve" runs and that this browser reaches it. Nothing was lost; this page tries again by itself.',
  'not-authenticated': 'Log in again.',
  'not-allowed': 'Ask an administrator for a role that includes it.',
  'not-found': 'It may have been removed meanwhile. Go back to the list.',
  conflict: 'Somebody may have changed it meanwhile. Look at its present state, then try again.',
  'internal-error': 'This is a bug in the server. Its log has the details; please report them.',
  'server-busy': 'The server or its database is busy. Try again in a moment.',
  'message-too-large': 'Send less at once.',
};

type Listener = () => void;
const afterChange = new Set<Listener>();
const afterSessionEnd = new Set<Listener>();

/** Calls when anything was changed through this page, so that what is shown is asked for again. Returns the way to stop. */
export function onChange(listener: Listener): Listener {
  afterChange.add(listener);
  return () => afterChange.delete(listener);
}

export function onSessionEnd(listener: Listener): Listener {
  afterSessionEnd.add(listener);
  return () => afterSessionEnd.delete(listener);
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Throws ApiError. `path` begins behind /api/v1. */
export async function ask<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await send(method, path, body, signal);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  const value: unknown = isJson ? JSON.parse(text) : text;
  if (!response.ok) {
    const error = failureOf(response, value);
    if (error.code === 'not-authenticated') for (const listener of afterSessionEnd) listener();
    throw error;
  }
  if (method !== 'GET') for (const listener of afterChange) listener();
  return value as T;
}

async function send(method: Method, path: string, body: unknown, signal: AbortSignal | undefined) {
  try {
    return await fetch(`${BASE}${path}`, {
      method,
      credentials: 'same-origin',
      signal: signal ?? null,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw new ApiError('unreachable', 'The server does not answer', undefined);
  }
}

function failureOf(response: Response, value: unknown): ApiError {
  const retry = Number(response.headers.get('retry-after') ?? Number.NaN);
  const after = Number.isFinite(retry) ? retry : undefined;
  if (isErrorMessage(value)) return new ApiError(value.error.code, value.error.message, after);
  // Not our server: a proxy before it, which has no part of it to ask.
  return new ApiError('unreachable', `The server answers with status ${response.status}`, after);
}

function isErrorMessage(value: unknown): value is ErrorMessage {
  return typeof value === 'object' && value !== null && 'error' in value && typeof value.error === 'object';
}

/** `?a=1&b=2` of what is set. */
export function queryOf(values: Readonly<Record<string, string | number | null | undefined>>): string {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  if (set.length === 0) return '';
  return `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}`;
}
