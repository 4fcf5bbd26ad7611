// One message to the server and its answer. Bounded in time and length like everything from a network; what the server says is checked against
// the schema before anything looks at it.

import { type ErrorCode, ErrorMessage } from '@resplice/protocol';
import { InputError, RespliceError, TrustError, UnreachableError } from '@resplice/report';
import { z } from 'zod';

const PATIENCE = 30_000;
const MAX_ANSWER = 1024 * 1024;

export interface Request {
  readonly server: string;
  readonly path: string;
  readonly body: unknown;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the server's codes mean for whoever runs the command. The others are a server that does not work. */
const ADVICE: Partial<Record<ErrorCode, (message: string) => RespliceError>> = {
  'access-key-refused': (text) => new InputError('access-key-refused', text),
  'not-authenticated': (text) =>
    new TrustError(
      'not-authenticated',
      `${text}: the server does not know this machine (any more); run "resplice register" again`,
    ),
  'machine-cloned': (text) => new TrustError('machine-cloned', text),
  'check-in-replayed': (text) => new TrustError('check-in-replayed', text),
};

/** Seconds after which a server that is too busy wants to be asked again. */
export class ServerBusy extends UnreachableError {
  constructor(
    message: string,
    readonly retrySeconds: number | undefined,
  ) {
    super('server-busy', message);
  }
}

/** Throws UnreachableError (`server-unreachable`, `server-busy`), TrustError, InputError as above. */
export async function sendMessage<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const address = `${request.server.replace(/\/+$/, '')}${request.path}`;
  const limit = AbortSignal.timeout(PATIENCE);
  const signal = request.signal === undefined ? limit : AbortSignal.any([limit, request.signal]);
  try {
    const response = await fetch(address, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        ...(request.token === undefined ? {} : { authorization: `Bearer ${request.token}` }),
      },
      body: JSON.stringify(request.body),
      signal,
    });
    const value = parseAnswer(await readBounded(response, address), address);
    if (response.ok) return checkAnswer(value, schema, address);
    throw explainFailure(address, response, value);
  } catch (error) {
    request.signal?.throwIfAborted();
    if (error instanceof RespliceError) throw error;
    const found = limit.aborted ? `does not answer within ${PATIENCE / 1000} s` : describeFailure(error);
    throw unreachable(address, found, error);
  }
}

async function readBounded(response: Response, address: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  if (response.body !== null) {
    for await (const piece of response.body) {
      length += piece.length;
      if (length > MAX_ANSWER) throw unreachable(address, `its answer is longer than ${MAX_ANSWER} bytes`);
      pieces.push(piece);
    }
  }
  return Buffer.concat(pieces).toString();
}

/** Undefined for what is not JSON, such as the page of a proxy. */
function parseAnswer(text: string, _address: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller says what is wrong by the status it came with.
    return undefined;
  }
}

function checkAnswer<T>(value: unknown, schema: z.ZodType<T>, address: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw unreachable(
    address,
    `its answer is not what a Resplice server says: ${z.prettifyError(parsed.error)}`,
  );
}

function explainFailure(address: string, response: Response, value: unknown): RespliceError {
  const parsed = ErrorMessage.safeParse(value);
  if (!parsed.success)
    return unreachable(address, `HTTP status ${response.status}; is it a Resplice server?`);
  const { code, message } = parsed.data.error;
  const text = `${address}: ${message}`;
  if (code === 'server-busy' || code === 'too-many-requests') {
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    return new ServerBusy(`${text}; try again later`, Number.isFinite(seconds) ? seconds : undefined);
  }
  return ADVICE[code]?.(text) ?? unreachable(address, `${code}: ${message}`);
}

function unreachable(address: string, found: string, cause?: unknown): UnreachableError {
  const message = `${address}: ${found}; nothing was changed, try again later`;
  return new UnreachableError('server-unreachable', message, { context: { address }, cause });
}

/** fetch says only "fetch failed"; what failed stands in its cause. */
function describeFailure(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
