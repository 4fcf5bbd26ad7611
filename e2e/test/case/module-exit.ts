// Exit code of a module: the new one runs when the module is unloaded while the update is applied, the old one before and after;
// and an update that is taken back while its exit code runs stays in memory until that is over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { type MadeUpdate, replaceOnce } from '../../src/workshop.js';
import { assertDone } from '../expectation.js';

const MODULE = 'iptable_filter';
const SAID = 'the new exit code runs';
const SECONDS = 8;

let update: MadeUpdate | undefined;

export const moduleExit: GuestCase = {
  title: 'an update of the exit code of a module',

  async plan(workshop, guest) {
    const patch = await workshop.rewrite('module-exit', {
      path: `net/ipv4/netfilter/${MODULE}.c`,
      edit: (text) =>
        replaceOnce(
          text,
          'static void __exit iptable_filter_fini(void)\n{\n',
          `static void __exit iptable_filter_fini(void)\n{\n\tpr_info("${SAID}\\n");\n\tschedule_timeout_uninterruptible(${SECONDS} * HZ);\n`,
        ),
    });
    update = await workshop.create('module-exit', [patch]);
    const { id } = update;
    const file = guest.update(update);
    guest.module(MODULE);
    const countWords = `dmesg | grep -c '${SAID}'`;
    guest.shell('exit: loaded', `modprobe ${MODULE}`);
    guest.resplice('exit: apply', ['apply', file]);
    guest.shell('exit: unload', `rmmod ${MODULE} && ${countWords}`);
    guest.resplice('exit: undo', ['undo', id]);
    guest.shell('exit: old code', `modprobe ${MODULE} && rmmod ${MODULE} && ${countWords}`);
    guest.resplice('exit: apply early', ['apply', file]);
    guest.shell('exit: unload later', `modprobe ${MODULE} && rmmod ${MODULE} && ${countWords}`);
    guest.resplice('exit: undo early', ['undo', id]);
    guest.shell('exit: load again', `modprobe ${MODULE}`);
    guest.resplice('exit: apply again', ['apply', file]);
    guest.shell('exit: race', race(`resplice_${id}`));
    guest.shell('exit: after race', `${countWords}`);
    guest.inspectKernel('exit: kernel after');
  },

  tests(guest) {
    const counted = (name: string) => guest.ran(name).stdout.trim();

    test('the manifest names the function', () => {
      assert.equal(update?.manifest.objects[0]?.exit, 'iptable_filter_fini');
      assert.deepEqual(update?.manifest.objects[0]?.functions, []);
    });

    test('a loaded module is unloaded by the new code, and by the old code after undo', () => {
      assertDone(guest.answer('exit: apply'));
      assert.equal(counted('exit: unload'), '1');
      assertDone(guest.answer('exit: undo'));
      assert.equal(counted('exit: old code'), '1');
    });

    test('so is a module that is loaded later', () => {
      assert.deepEqual(guest.answer('exit: apply early').json.pending, [MODULE]);
      assert.equal(counted('exit: unload later'), '2');
      assertDone(guest.answer('exit: undo early'));
    });

    test('an update cannot be unloaded while its exit code runs', () => {
      assertDone(guest.answer('exit: apply again'));
      assert.equal(counted('exit: race'), 'held\nunloaded\nfree');
      assert.equal(counted('exit: after race'), '3');
      assert.deepEqual(guest.kernelState('exit: kernel after'), NOTHING_LEFT);
    });
  },
};

/** Takes the update back by hand while rmmod sits in its exit code. */
function race(module: string): string {
  const patch = `/sys/kernel/livepatch/${module}`;
  return [
    `rmmod ${MODULE} & unloading=$!`,
    'sleep 1',
    `echo 0 > ${patch}/enabled`,
    `while [ -e ${patch} ] && [ "$(cat ${patch}/transition)" = 1 ]; do sleep 1; done`,
    `rmmod ${module} 2>/dev/null || echo held`,
    'wait $unloading && echo unloaded',
    `rmmod ${module} && echo free`,
  ].join('\n');
}
