// Modules whose data and init code change: the update applies while they are not loaded, all of them is new from their first moment on, and what
// was made by new code keeps the update from being taken back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { type MadeUpdate, replaceOnce } from '../../src/workshop.js';
import { assertDone, assertRefused } from '../expectation.js';

const MODULES = ['dummy', 'xt_owner', 'xt_realm'];
/** Since the fix, both matches are of IPv4 and IPv6 only, and arptables cannot use them. */
const MATCHES = 'grep -cE "^(owner|realm)$" /proc/net/arp_tables_matches';
/** Whether dummy_netdev_ops, a constant, has the function that this calls. */
const CARRIER = 'sh -c "echo 1 > /sys/class/net/dummy0/carrier" 2>/dev/null && echo has || echo lacks';
const LOOK = `modprobe -a ${MODULES.join(' ')} arp_tables && ip link set dummy0 up; ${MATCHES}; ${CARRIER}`;
const UNLOAD = `rmmod ${MODULES.join(' ')}`;

let update: MadeUpdate | undefined;

export const freshModule: GuestCase = {
  title: 'an update of modules that applies while they are not loaded',

  async plan(workshop, guest) {
    const constant = await workshop.rewrite('fresh-constant', {
      path: 'drivers/net/dummy.c',
      edit: (text) => replaceOnce(text, '\t.ndo_change_carrier\t= dummy_change_carrier,\n', ''),
    });
    const matches = await workshop.diff(
      'fresh-matches',
      'net/netfilter/xt_owner.c',
      'net/netfilter/xt_realm.c',
    );
    update = await workshop.create('fresh', [matches, constant]);
    const { id } = update;
    const file = guest.update(update);
    for (const name of [...MODULES, 'arp_tables']) guest.module(name);
    guest.shell('fresh: old', LOOK);
    guest.resplice('fresh: apply while loaded', ['apply', file]);
    guest.shell('fresh: unload', UNLOAD);
    guest.resplice('fresh: apply', ['apply', file]);
    guest.shell('fresh: new', LOOK);
    guest.resplice('fresh: undo while loaded', ['undo', '--force', id]);
    guest.shell('fresh: ask the kernel', `echo 1 > /sys/module/resplice_${id}/may_undo || echo refused`);
    guest.shell('fresh: remove by hand', `rmmod resplice_${id} || echo refused`);
    guest.resplice('fresh: list', ['list']);
    guest.shell('fresh: unload again', UNLOAD);
    guest.resplice('fresh: undo', ['undo', id]);
    guest.shell('fresh: old again', LOOK);
    guest.shell('fresh: unload at last', UNLOAD);
    guest.inspectKernel('fresh: kernel after');
  },

  tests(guest) {
    test('the manifest names the modules', () => {
      const names = update?.manifest.requiresUnloaded?.map(({ module }) => module);
      assert.deepEqual(names?.toSorted(), MODULES);
    });

    test('it is refused while they are loaded, with what to do', () => {
      assert.equal(guest.printed('fresh: old'), '2\nhas');
      const answer = guest.answer('fresh: apply while loaded');
      const reasons = assertRefused(answer, ...MODULES.map(() => 'module-loaded'));
      assert.match(JSON.stringify(reasons), /modprobe -r dummy/);
    });

    test('modules that are loaded later have the new data and ran the new init code', () => {
      assertDone(guest.answer('fresh: apply'));
      assert.equal(guest.ran('fresh: new').stdout.trim(), '0\nlacks');
    });

    test('it cannot be undone while they are loaded, by whatever way', () => {
      assertRefused(guest.answer('fresh: undo while loaded'), ...MODULES.map(() => 'undo-module-loaded'));
      assert.equal(guest.ran('fresh: ask the kernel').stdout.trim(), 'refused');
      assert.equal(guest.ran('fresh: remove by hand').stdout.trim(), 'refused');
      assert.match(JSON.stringify(guest.answer('fresh: list').json), /"requiresUnloaded":\["dummy"/);
    });

    test('when they are unloaded it is undone, and they are old again', () => {
      assert.equal(guest.ran('fresh: unload again').exitCode, 0);
      assertDone(guest.answer('fresh: undo'));
      assert.equal(guest.printed('fresh: old again'), '2\nhas');
      assert.deepEqual(guest.kernelState('fresh: kernel after'), NOTHING_LEFT);
    });
  },
};
