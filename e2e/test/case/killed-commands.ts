// `resplice apply` and `resplice undo`, killed by SIGKILL at several moments. Each time the kernel itself is asked first, so
// that what `list` says can be held against it, and then the next command must bring the matter to an end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFix } from '../../src/fix.js';
import type { GuestCase } from '../../src/guest-case.js';
import { type GuestScript, NOTHING_LEFT } from '../../src/guest-script.js';
import {
  END_HELD_TASK,
  HELD_PATCH,
  HELD_PROGRAM,
  HELD_SOURCE,
  START_HELD_TASK,
} from '../../src/held-task.js';
import { holdTool, isHeld, KILLED, killWhen, releaseTool } from '../../src/killed-command.js';
import { assertDone, listed } from '../expectation.js';

const names = { held: { id: '', module: '' }, quick: { id: '', module: '' } };

export const killedCommands: GuestCase = {
  title: 'commands that are killed',

  async plan(workshop, guest) {
    const held = await workshop.create('killed', [await workshop.rewrite('killed', HELD_PATCH)]);
    const { update: quick } = await makeFix(workshop, 'attach-filter');
    names.held = { id: held.id, module: held.manifest.module.name };
    names.quick = { id: quick.id, module: quick.manifest.module.name };
    guest.file(HELD_PROGRAM, await workshop.compile(HELD_SOURCE), 0o755);
    planHeld(guest, guest.update(held));
    planQuick(guest, guest.update(quick));
  },

  tests(guest) {
    const assertKilled = (step: string): void => {
      const { exitCode, stdout, stderr } = guest.ran(step);
      assert.equal(exitCode, 0, `${step}: ${stdout}${stderr}`);
      assert.match(stdout, new RegExp(KILLED));
    };
    const states = (step: string): readonly (readonly [string, string])[] =>
      listed(guest.answer(step)).map(({ id, state }) => [id, state]);
    const transition = (enabled: boolean) => ({
      patches: [{ module: names.held.module, enabled, transition: true }],
      modules: [names.held.module],
    });

    test('apply killed before the module is loaded: list says that it is not applied', () => {
      assertKilled('killed: apply before insmod');
      assert.deepEqual(guest.kernelState('killed: kernel before insmod'), NOTHING_LEFT);
      assert.deepEqual(states('killed: list before insmod'), [[names.held.id, 'interrupted']]);
    });

    test('apply killed during the transition: list says so, and the next apply finishes', () => {
      assertKilled('killed: apply in transition');
      assert.deepEqual(guest.kernelState('killed: kernel in transition'), transition(true));
      assert.deepEqual(states('killed: list in transition'), [[names.held.id, 'applying']]);
      assertDone(guest.answer('killed: apply finishes'));
      assert.deepEqual(guest.kernelState('killed: kernel applied'), {
        patches: [{ module: names.held.module, enabled: true, transition: false }],
        modules: [names.held.module],
      });
    });

    test('undo killed during the transition: list says so, and the next undo finishes', () => {
      assertKilled('killed: undo in transition');
      assert.deepEqual(guest.kernelState('killed: kernel in undo'), transition(false));
      assert.deepEqual(states('killed: list in undo'), [[names.held.id, 'undoing']]);
      assertDone(guest.answer('killed: undo finishes'));
      assert.deepEqual(guest.kernelState('killed: kernel undone'), NOTHING_LEFT);
    });

    test('an insmod that outlives its killed apply: list tells what became of it, and undo takes it back', () => {
      assertKilled('killed: apply over insmod');
      assert.deepEqual(guest.kernelState('killed: kernel after insmod'), {
        patches: [{ module: names.quick.module, enabled: true, transition: false }],
        modules: [names.quick.module],
      });
      assert.deepEqual(states('killed: list after insmod'), [[names.quick.id, 'applied']]);
      assertDone(guest.answer('killed: undo of it'));
      assert.deepEqual(guest.kernelState('killed: kernel after undo'), NOTHING_LEFT);
    });

    test('undo killed before the module is unloaded: list says so, and the next apply sets it right', () => {
      // The apply was killed too, as soon as the kernel had the update.
      assertKilled('killed: apply after insmod');
      assertKilled('killed: undo before rmmod');
      assert.deepEqual(guest.kernelState('killed: kernel before rmmod'), {
        patches: [],
        modules: [names.quick.module],
      });
      assert.deepEqual(states('killed: list before rmmod'), [[names.quick.id, 'loaded-disabled']]);
      assertDone(guest.answer('killed: apply once more'));
      assert.deepEqual(guest.kernelState('killed: kernel applied once more'), {
        patches: [{ module: names.quick.module, enabled: true, transition: false }],
        modules: [names.quick.module],
      });
      assertDone(guest.answer('killed: last undo'));
      assert.deepEqual(guest.kernelState('killed: kernel at the end'), NOTHING_LEFT);
    });

    test('nothing is left in the end, not even a record', () => {
      assert.deepEqual(states('killed: list at the end'), []);
    });
  },
};

/** Moments of an update whose transition lasts as long as the held task sleeps. */
function planHeld(guest: GuestScript, file: string): void {
  const { id, module } = names.held;
  const directory = `/sys/kernel/livepatch/${module}`;
  guest.shell('killed: hold insmod', holdTool('insmod'));
  guest.shell('killed: apply before insmod', killWhen(['apply', file], isHeld('insmod')));
  guest.shell('killed: drop insmod', releaseTool('insmod', 'does nothing'));
  guest.inspectKernel('killed: kernel before insmod');
  guest.resplice('killed: list before insmod', ['list']);

  guest.shell('killed: start task', START_HELD_TASK);
  const inTransition = `grep -qs 1 ${directory}/transition`;
  guest.shell('killed: apply in transition', killWhen(['apply', file], inTransition));
  guest.inspectKernel('killed: kernel in transition');
  guest.resplice('killed: list in transition', ['list']);
  guest.shell('killed: end task', END_HELD_TASK);
  guest.resplice('killed: apply finishes', ['apply', file]);
  guest.inspectKernel('killed: kernel applied');

  guest.shell('killed: start second task', START_HELD_TASK);
  guest.shell('killed: undo in transition', killWhen(['undo', id], inTransition));
  guest.inspectKernel('killed: kernel in undo');
  guest.resplice('killed: list in undo', ['list']);
  guest.shell('killed: end second task', END_HELD_TASK);
  guest.resplice('killed: undo finishes', ['undo', id]);
  guest.inspectKernel('killed: kernel undone');
}

/** Moments of an update that completes by itself. */
function planQuick(guest: GuestScript, file: string): void {
  const { id, module } = names.quick;
  const directory = `/sys/kernel/livepatch/${module}`;
  // Both: before the transition begins it is 0 as well.
  const isApplied = `grep -qs 1 ${directory}/enabled && grep -qs 0 ${directory}/transition`;
  const settled = `i=0; until ${isApplied}; do i=$((i + 1)); [ $i -lt 600 ] || exit 2; sleep 0.1; done`;
  guest.shell('killed: hold insmod again', holdTool('insmod'));
  guest.shell('killed: apply over insmod', killWhen(['apply', file], isHeld('insmod')));
  guest.shell('killed: let insmod load', `${releaseTool('insmod', 'works')}\n${settled}`);
  guest.inspectKernel('killed: kernel after insmod');
  guest.resplice('killed: list after insmod', ['list']);
  guest.resplice('killed: undo of it', ['undo', id]);
  guest.inspectKernel('killed: kernel after undo');

  guest.shell('killed: apply after insmod', killWhen(['apply', file], `[ -e ${directory}/enabled ]`));
  guest.shell('killed: hold rmmod', holdTool('rmmod'));
  guest.shell('killed: undo before rmmod', killWhen(['undo', id], isHeld('rmmod')));
  guest.shell('killed: drop rmmod', releaseTool('rmmod', 'does nothing'));
  guest.inspectKernel('killed: kernel before rmmod');
  guest.resplice('killed: list before rmmod', ['list']);
  guest.resplice('killed: apply once more', ['apply', file]);
  guest.inspectKernel('killed: kernel applied once more');
  guest.resplice('killed: last undo', ['undo', id]);
  guest.inspectKernel('killed: kernel at the end');
  guest.resplice('killed: list at the end', ['list']);
}
