// A function in which somebody always sleeps: the author says that old and new code may run together, so nobody has to leave it. A task that is
// in it goes on in the old code; one that is in the new code when the update is undone goes on in that, and keeps it in memory.

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
import type { MadeUpdate } from '../../src/workshop.js';
import { assertDone, assertError, assertRefused } from '../expectation.js';

const WHY = 'it only waits for the other end, and no state that changes is kept meanwhile';
let update: MadeUpdate | undefined;
let refused: Parameters<typeof assertRefused>[0] | undefined;

export const coexistingCode: GuestCase = {
  title: 'old and new code that may run together',

  async plan(workshop, guest) {
    const patch = await workshop.rewrite('coexist', {
      ...HELD_PATCH,
      edit: (text) =>
        `${HELD_PATCH.edit(text)}\n#include <resplice.h>\nRESPLICE_COEXISTS(${HELD_FUNCTION}, "${WHY}");\n`,
    });
    refused = await workshop.tryToCreate('coexist-livepatch', [patch], { engine: 'livepatch' });
    update = await workshop.create('coexist', [patch], { engine: 'auto' });
    guest.file(HELD_PROGRAM, await workshop.compile(HELD_SOURCE), 0o755);
    guest.shell('coexist: start in old code', START_HELD_TASK);
    guest.resplice('coexist: apply', ['apply', guest.update(update)]);
    guest.shell('coexist: end in old code', END_HELD_TASK);
    guest.shell('coexist: start in new code', START_HELD_TASK);
    guest.resplice('coexist: undo', ['undo', update.id]);
    guest.resplice('coexist: list', ['list']);
    guest.shell('coexist: end in new code', END_HELD_TASK);
    guest.resplice('coexist: undo again', ['undo', update.id]);
    guest.inspectKernel('coexist: kernel after');
  },

  tests(guest) {
    test('livepatch, which waits for all, is refused it; auto takes the other engine; the reason is recorded', () => {
      assert.ok(refused && update);
      assertRefused(refused, 'coexistence-needs-trampoline');
      assert.equal(update.manifest.engine, 'trampoline');
      const [statement] = update.manifest.custom.handled;
      assert.deepEqual(
        [statement?.what, statement?.name, statement?.why],
        ['coexistence', HELD_FUNCTION, WHY],
      );
      const functions = update.manifest.objects.flatMap((object) => object.functions);
      assert.deepEqual(
        functions.filter(({ coexists }) => coexists).map(({ name }) => name),
        [HELD_FUNCTION],
      );
    });

    test('a task that sleeps in the old code is not in the way, and ends as it should', () => {
      assert.equal(guest.ran('coexist: start in old code').exitCode, 0);
      assertDone(guest.answer('coexist: apply'));
      assert.equal(guest.ran('coexist: end in old code').exitCode, 0);
    });

    test('one that sleeps in the new code keeps it in memory after the undo, until it has gone', () => {
      assert.equal(guest.ran('coexist: start in new code').exitCode, 0);
      assertError(guest.answer('coexist: undo'), 5, 'module-stays-loaded');
      assert.equal(guest.ran('coexist: end in new code').exitCode, 0);
      assertDone(guest.answer('coexist: undo again'));
      assert.deepEqual(guest.kernelState('coexist: kernel after'), NOTHING_LEFT);
    });
  },
};
