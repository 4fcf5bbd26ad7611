import { ERRORS, type ErrorCode } from '@resplice/protocol';

/** What the server answers instead of what was asked for. The message goes out as it is, so it holds nothing that is not the caller's. */
export class ServiceError extends Error {
  readonly status: number;
  constructor(
    readonly code: ErrorCode,
    message: string = ERRORS[code].title,
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
    this.status = ERRORS[code].status;
  }
}

export function notFound(what: string): ServiceError {
  return new ServiceError('not-found', `there is no such ${what}`);
}
