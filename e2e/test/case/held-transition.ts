// A task sleeps in a function that is to be replaced, so that the kernel cannot switch it to the new code.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import {
  END_HELD_TASK,
  HELD_FUNCTION,
  HELD_PATCH,
  HELD_PROGRAM,
  HELD_SOURCE,
  START_HELD_TASK,
} from '../../src/held-task.js';
import { assertDone, assertRefused } from '../expectation.js';

export const heldTransition: GuestCase = {
  title: 'a task that sleeps in a function to be replaced',

  async plan(workshop, guest) {
    const update = await workshop.create('held', [await workshop.rewrite('held', HELD_PATCH)]);
    const file = guest.update(update);
    guest.file(HELD_PROGRAM, await workshop.compile(HELD_SOURCE), 0o755);
    guest.shell('held: start task', START_HELD_TASK);
    guest.resplice('held: apply', ['apply', file, '--timeout', '4']);
    guest.inspectKernel('held: kernel after refusal');
    guest.shell('held: end task', END_HELD_TASK);
    guest.resplice('held: apply without it', ['apply', file]);
    guest.resplice('held: undo', ['undo', update.id]);
    guest.inspectKernel('held: kernel after undo');
  },

  tests(guest) {
    test('the update is refused after the time limit, and the task is named with its stack', () => {
      const { exitCode, stdout } = guest.ran('held: start task');
      assert.equal(exitCode, 0);
      const [reason] = assertRefused(guest.answer('held: apply'), 'tasks-busy');
      const evidence = reason?.evidence ?? [];
      assert.ok(evidence.includes(`held-task (pid ${stdout.trim()})`), evidence.join('\n'));
      assert.ok(
        evidence.some((line) => line.includes(`${HELD_FUNCTION}+0x`)),
        evidence.join('\n'),
      );
    });

    test('it was taken back by itself, and nothing is left', () => {
      assert.deepEqual(guest.kernelState('held: kernel after refusal'), NOTHING_LEFT);
    });

    test('it applies when the task has gone', () => {
      assertDone(guest.answer('held: apply without it'));
      assertDone(guest.answer('held: undo'));
      assert.deepEqual(guest.kernelState('held: kernel after undo'), NOTHING_LEFT);
    });
  },
};
