// Assertions that show what the guest printed when they fail.

import assert from 'node:assert/strict';
import type { GuestScript } from '../src/guest-script.js';
import type { Answer } from '../src/resplice-command.js';

/** The probes' exit statuses, see e2e/probes/verdict.h. */
const EXIT = { safe: 0, exposed: 1 } as const;

export function assertProbe(guest: GuestScript, step: string, expected: keyof typeof EXIT): void {
  const { exitCode, stdout, stderr } = guest.ran(step);
  assert.equal(exitCode, EXIT[expected], `${step}: ${stdout}${stderr}`);
}

export function assertDone(answer: Answer): void {
  assert.ok(answer.ok && answer.status === 0, answer.text);
}

/** Refused for exactly these reasons, in any order; gives them back. */
export function assertRefused(answer: Answer, ...codes: string[]): Answer['reasons'] {
  assert.equal(answer.status, 1, answer.text);
  assert.deepEqual(answer.reasons.map(({ code }) => code).sort(), [...codes].sort(), answer.text);
  return answer.reasons;
}

/** Ended by an error with this exit status and code. */
export function assertError(answer: Answer, status: number, code: string): string {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.error?.code, code, answer.text);
  return answer.error.message;
}

export function listed(answer: Answer): readonly ListedUpdate[] {
  assertDone(answer);
  return answer.json.updates as readonly ListedUpdate[];
}

export interface ListedUpdate {
  readonly id: string;
  readonly state: string;
  readonly detail: string;
  readonly waiting: readonly string[];
}

/** What the livepatch core logs when a hook refuses, in the steps in which one is to. */
export function refusalsLogged(guest: GuestScript, steps: readonly string[]): readonly string[] {
  return steps
    .flatMap((step) => guest.loggedDuring(step))
    .filter((line) => /livepatch: (?:pre-patch callback|failed to enable|patch .* failed)/.test(line));
}
