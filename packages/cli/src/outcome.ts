// What a command has to say when it is done, apart from how it is printed: for people as lines, for programs as one JSON
// value. So a command is a function that can be tested without a terminal.

import type { Reason, Verdict } from '@resplice/report';
import { renderReasons } from './reason-text.js';

/** Exit statuses besides those of the error classes in @resplice/report. README.md lists all. */
export const DONE = 0;
export const REFUSED = 1;

export interface Outcome {
  /** One of the statuses above, of an error that did not stop the work, or of a monitoring plugin. */
  readonly exitStatus: number;
  /** Printed with --json, as it is, next to `ok`. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Printed without --json. */
  readonly lines: readonly string[];
}

export function done(json: Readonly<Record<string, unknown>>, lines: readonly string[]): Outcome {
  return { exitStatus: DONE, json, lines };
}

/** The command ran, and the answer is no. */
export function refused(reasons: readonly Reason[]): Outcome {
  return { exitStatus: REFUSED, json: { reasons }, lines: renderReasons(reasons) };
}

/** The outcome of a verdict: the value's own, or the refusal. */
export function settle<T>(verdict: Verdict<T>, render: (value: T) => Outcome): Outcome {
  return verdict.ok ? render(verdict.value) : refused(verdict.reasons);
}
