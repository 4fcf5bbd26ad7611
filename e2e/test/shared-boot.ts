// Cases that share one boot: all of them add their steps, the guest runs, and their tests look at the results.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import type { GuestCase } from '../src/guest-case.js';
import { GuestScript } from '../src/guest-script.js';
import type { Workshop } from '../src/workshop.js';

export interface SharedBoot {
  readonly cases: readonly GuestCase[];
  readonly open: () => Promise<Workshop>;
  /** Steps before those of all cases, and behind them. */
  readonly first?: (workshop: Workshop, guest: GuestScript) => Promise<void>;
  readonly last?: (guest: GuestScript) => void;
}

/** Registers the cases' tests; the guest has run when they look at it. */
export function shareBoot({ cases, open, first, last }: SharedBoot): GuestScript {
  const guest = new GuestScript();
  let workshop: Workshop | undefined;

  before(async () => {
    workshop = await open();
    const kernel = await workshop.fetch();
    await first?.(workshop, guest);
    for (const each of cases) await each.plan(workshop, guest);
    last?.(guest);
    guest.finish(await runGuest(guest.spec(kernel)));
  });

  after(() => workshop?.close());

  for (const { title, tests } of cases) describe(title, () => tests(guest));
  return guest;
}

/** Registers what is true of a boot in which nothing goes wrong. */
export function testQuietEnd(guest: GuestScript): void {
  test('the guest ran to its end', () => {
    assert.equal(guest.result.outcome, 'completed', guest.result.explanation);
  });

  test('the kernel has nothing to complain about', () => {
    assert.deepEqual(findKernelComplaints(guest.result.kernelLog), []);
  });
}
