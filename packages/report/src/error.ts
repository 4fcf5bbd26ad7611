// Every failure that is not a verdict is one of these six. The class decides the exit status of the command,
// the code is stable for scripts, and the message already says what to do next: the printer adds nothing.

/** Machine-readable facts about a failure: file, offset, package, … Never secrets. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface ErrorOptions {
  readonly context?: ErrorContext;
  readonly cause?: unknown;
}

/** Base of all errors thrown on purpose. `code` is kebab-case and stable. */
export abstract class RespliceError extends Error {
  readonly code: string;
  readonly context: ErrorContext;
  abstract readonly exitStatus: number;

  constructor(code: string, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.context = options.context ?? {};
  }
}

/** The command line or a call's arguments make no sense. */
export class UsageError extends RespliceError {
  readonly exitStatus = 2;
}

/** A file, patch or object that was given is malformed or does not fit. */
export class InputError extends RespliceError {
  readonly exitStatus = 3;
}

/** Something is damaged, altered, or not signed by whom it must be. */
export class TrustError extends RespliceError {
  readonly exitStatus = 4;
}

/** The machine lacks something: a package, a permission, disk space. */
export class EnvironmentError extends RespliceError {
  readonly exitStatus = 5;
}

/** Another machine does not answer, or not as it should: nothing is wrong here, and the same command may work later. */
export class UnreachableError extends RespliceError {
  readonly exitStatus = 6;
}

/** A bug in Resplice. */
export class InternalError extends RespliceError {
  readonly exitStatus = 70;
}
