// Commands of the trampoline engine, killed by SIGKILL: before anything is loaded, between core and update, while a task is in the way, and
// before the module is removed. Each time the next command brings the matter to an end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
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

const held = { id: '', module: '' };
const MOMENTS = ['before core', 'while waiting', 'before rmmod'] as const;

export const killedSwitch: GuestCase = {
  title: 'commands of the trampoline engine that are killed',

  async plan(workshop, guest) {
    const update = await workshop.create('killed-switch', [
      await workshop.rewrite('killed-switch', HELD_PATCH),
    ]);
    Object.assign(held, { id: update.id, module: update.manifest.module.name });
    guest.file(HELD_PROGRAM, await workshop.compile(HELD_SOURCE), 0o755);
    plan(guest, guest.update(update));
  },

  tests(guest) {
    for (const moment of MOMENTS) {
      test(`killed ${moment}: list says so, and the next command ends it`, () => {
        const { exitCode, stdout, stderr } = guest.ran(`switch: killed ${moment}`);
        assert.equal(exitCode, 0, `${stdout}${stderr}`);
        assert.match(stdout, new RegExp(KILLED));
        const state = moment === 'before core' ? 'interrupted' : 'loaded-disabled';
        assert.deepEqual(
          listed(guest.answer(`switch: list ${moment}`)).map((each) => [each.id, each.state]),
          [[held.id, state]],
        );
        assertDone(guest.answer(`switch: next ${moment}`));
      });
    }

    test('rmmod by hand of an update in use fails, and of its core', () => {
      assert.deepEqual(guest.ran('switch: rmmod by hand').stdout.trim().split('\n'), ['1', '1']);
    });

    test('nothing is left in the end, not even a record', () => {
      assert.deepEqual(listed(guest.answer('switch: list at the end')), []);
      assert.deepEqual(guest.kernelState('switch: kernel at the end'), NOTHING_LEFT);
    });
  },
};

function plan(guest: GuestScript, file: string): void {
  const { id, module } = held;
  guest.shell('switch: hold insmod', holdTool('insmod'));
  guest.shell('switch: killed before core', killWhen(['apply', file], isHeld('insmod')));
  guest.shell('switch: drop insmod', releaseTool('insmod', 'does nothing'));
  guest.resplice('switch: list before core', ['list']);
  guest.resplice('switch: next before core', ['apply', file]);
  const attempt = (name: string): string => `rmmod ${name} 2>/dev/null; echo $?`;
  guest.shell('switch: rmmod by hand', `${attempt(module)}\n${attempt('resplice_core')}`);
  guest.resplice('switch: undo before core', ['undo', id]);

  guest.shell('switch: start task', START_HELD_TASK);
  const isLoaded = `grep -q '^${module} .* Live' /proc/modules`;
  guest.shell('switch: killed while waiting', killWhen(['apply', file], `${isLoaded} && sleep 2`));
  // The core ends what it was asked for by itself.
  guest.shell('switch: let the core end', 'sleep 3');
  guest.resplice('switch: list while waiting', ['list']);
  guest.shell('switch: end task', END_HELD_TASK);
  guest.resplice('switch: next while waiting', ['apply', file]);

  guest.shell('switch: hold rmmod', holdTool('rmmod'));
  guest.shell('switch: killed before rmmod', killWhen(['undo', id], isHeld('rmmod')));
  guest.shell('switch: drop rmmod', releaseTool('rmmod', 'does nothing'));
  guest.resplice('switch: list before rmmod', ['list']);
  guest.resplice('switch: next before rmmod', ['undo', id]);
  guest.resplice('switch: list at the end', ['list']);
  guest.inspectKernel('switch: kernel at the end');
}
