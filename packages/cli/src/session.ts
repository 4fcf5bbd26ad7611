// One run of a command: progress, interruption, the result, the exit status. The only file that touches the process.
//
// A closed standard output (`resplice apply … | head -1`) must not stop a command half way through a change of the kernel:
// what can no longer be printed is dropped, and the work goes on to its end.
//
// No end is silent: node ends a process that has nothing left to wait for, with status 0, also when the work waits for a promise that nobody will keep.

import { InternalError, RespliceError } from '@resplice/report';
import type { Outcome } from './outcome.js';
import { printable } from './printed-text.js';
import { type ProgressLine, type ProgressStyle, startProgress } from './progress-line.js';

const INTERNAL = 70;
const ABANDONED = 'the command ends before its work is done: what it waits for can no longer come';
/** 128 + the signal's number, as shells report it. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof SIGNAL_STATUS;

export interface Session {
  readonly progress: ProgressLine['sink'];
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP; the libraries then clean up and reject. */
  readonly signal: AbortSignal;
}

class Interrupted extends Error {
  constructor(readonly by: Signal) {
    super(`interrupted by ${by}`);
  }
}

/** Runs a command to its end and leaves its exit status in the process. Never rejects. */
export async function runSession(
  options: { readonly json?: true | undefined },
  work: (session: Session) => Promise<Outcome>,
): Promise<void> {
  const json = options.json === true;
  const progress = startProgress(chooseStyle(json), {
    write: writeError,
    columns: () => process.stderr.columns || 80,
    now: () => performance.now(),
  });
  const { signal, release } = listenForSignals();
  const abandoned = (): void => {
    progress.stop();
    process.exitCode = reportFailure(new InternalError('work-abandoned', ABANDONED), json);
  };
  process.once('beforeExit', abandoned);
  try {
    const outcome = await work({ progress: progress.sink, signal });
    progress.stop();
    printOutcome(outcome, json);
    process.exitCode = outcome.exitStatus;
  } catch (error) {
    progress.stop();
    process.exitCode = reportFailure(signal.aborted ? signal.reason : error, json);
  } finally {
    process.off('beforeExit', abandoned);
    release();
  }
}

/** Prints the error in the chosen form; gives back the exit status that belongs to it. */
export function reportFailure(error: unknown, json: boolean): number {
  const status = exitStatusOf(error);
  const code =
    error instanceof RespliceError ? error.code : error instanceof Interrupted ? 'interrupted' : 'bug';
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const context = error instanceof RespliceError ? error.context : {};
    writeOutput(`${JSON.stringify({ ok: false, error: { code, message, context } })}\n`);
    return status;
  }
  writeError(`resplice: ${printable(message)} [${code}]\n`);
  if (code === 'bug' || status === INTERNAL) {
    const stack = error instanceof Error ? `${error.stack ?? ''}${describeCause(error)}` : '';
    writeError(`${printable(stack)}\nThis is a bug in resplice; please report it with these lines.\n`);
  }
  return status;
}

/** Output to a closed pipe is dropped; any other failure to write is an error like every other. */
export function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

export function writeOutput(text: string): void {
  process.stdout.write(text);
}

export function writeError(text: string): void {
  process.stderr.write(text);
}

function exitStatusOf(error: unknown): number {
  if (error instanceof RespliceError) return error.exitStatus;
  return error instanceof Interrupted ? SIGNAL_STATUS[error.by] : INTERNAL;
}

function describeCause(error: Error): string {
  return error.cause instanceof Error ? `\ncaused by: ${error.cause.stack ?? error.cause.message}` : '';
}

function chooseStyle(json: boolean): ProgressStyle {
  if (json) return 'json';
  return process.stderr.isTTY && process.env.TERM !== 'dumb' ? 'terminal' : 'plain';
}

function printOutcome(outcome: Outcome, json: boolean): void {
  const ok = outcome.exitStatus === 0;
  if (json) writeOutput(`${JSON.stringify({ ok, ...outcome.json }, null, 2)}\n`);
  else if (outcome.lines.length > 0) writeOutput(`${printable(outcome.lines.join('\n'))}\n`);
}

/** The first signal asks the work to stop and clean up; the second one ends the process at once. */
function listenForSignals(): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController();
  const names = Object.keys(SIGNAL_STATUS) as Signal[];
  const listeners = names.map((name) => ({
    name,
    listener: () => {
      if (controller.signal.aborted) {
        writeError(`resplice: ended at once by a second signal, ${name} [interrupted]\n`);
        process.exit(SIGNAL_STATUS[name]);
      }
      controller.abort(new Interrupted(name));
    },
  }));
  for (const { name, listener } of listeners) process.on(name, listener);
  return {
    signal: controller.signal,
    release: () => {
      for (const { name, listener } of listeners) process.off(name, listener);
    },
  };
}
