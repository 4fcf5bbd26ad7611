// A table of device IDs that a loaded driver has registered grows: the driver's pointer leads to the table of the update, and a device that was
// not known before is taken. The bus is i2c-stub's, which needs no hardware.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { type MadeUpdate, replaceOnce } from '../../src/workshop.js';
import { assertDone, assertRefused } from '../expectation.js';

const MODULES = ['i2c_stub', 'lm75'];
const START = 'static const struct i2c_device_id lm75_ids[] = {\n';
const LOOK = [
  "bus=$(dirname $(grep -l 'SMBus stub driver' /sys/bus/i2c/devices/i2c-*/name))",
  'echo e2e75 0x48 > $bus/new_device',
  'number=$' + '{bus##*-}',
  '[ -e /sys/bus/i2c/devices/$number-0048/driver ] && echo bound || echo free',
  'echo 0x48 > $bus/delete_device',
].join('; ');
let update: MadeUpdate | undefined;

export const ledTable: GuestCase = {
  title: 'a table of device IDs of a loaded driver',

  async plan(workshop, guest) {
    const patch = await workshop.rewrite('led-table', {
      path: 'drivers/hwmon/lm75.c',
      edit: (text) => replaceOnce(text, START, `${START}\t{ "e2e75", lm75, },\n`),
    });
    update = await workshop.create('led-table', [patch], { engine: 'auto' });
    for (const name of MODULES) guest.module(name);
    guest.shell('led: load', 'modprobe i2c-stub chip_addr=0x48 && modprobe lm75');
    guest.shell('led: before', LOOK);
    guest.resplice('led: apply', ['apply', guest.update(update)]);
    guest.shell('led: applied', LOOK);
    guest.shell('led: loaded again', `rmmod lm75 && modprobe lm75; ${LOOK}`);
    guest.resplice('led: undo', ['undo', update.id]);
    guest.resplice('led: forced undo', ['undo', '--force', update.id]);
    guest.shell('led: undone', LOOK);
    guest.shell('led: unload', 'rmmod lm75 i2c_stub');
    guest.inspectKernel('led: kernel after');
  },

  tests(guest) {
    test('the manifest says which pointer leads to it, and nothing has to be unloaded', () => {
      assert.equal(update?.manifest.engine, 'trampoline');
      assert.deepEqual(update.manifest.requiresUnloaded ?? [], []);
      const names = update.manifest.objects.flatMap(({ pointers = [] }) => pointers.map(({ name }) => name));
      assert.deepEqual(names, ['lm75_driver']);
    });

    test('a loaded driver takes the device while the update is applied, and so does one that is loaded later', () => {
      assertDone(guest.answer('led: apply'));
      const seen = ['before', 'applied', 'loaded again', 'undone'].map((when) =>
        guest.printed(`led: ${when}`),
      );
      assert.deepEqual(seen, ['free', 'bound', 'bound', 'free']);
    });

    test('undo wants to be forced, for somebody may remember an entry', () => {
      assertRefused(guest.answer('led: undo'), 'new-code-may-be-called');
      assertDone(guest.answer('led: forced undo'));
      assert.equal(guest.ran('led: unload').exitCode, 0);
      assert.deepEqual(guest.kernelState('led: kernel after'), NOTHING_LEFT);
    });
  },
};
