// Read-only data of a module that changes where it is, in a module that is loaded and in one that comes later: a policy that a registered
// table points at, so that a copy in the update would reach nobody. The engine is chosen for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { type MadeUpdate, replaceOnce } from '../../src/workshop.js';
import { assertDone } from '../expectation.js';

const MODULE = '8021q';
const POLICY = /\[IFLA_VLAN_ID\]\s*= \{ \.type = NLA_U16/;
const LOOK =
  'ip link add link dummy0 name v5 type vlan id 5 2>/dev/null && echo made || echo refused; ip link del v5 2>/dev/null; true';
let update: MadeUpdate | undefined;

export const inPlaceModule: GuestCase = {
  title: 'read-only data of a module that is changed in place',

  async plan(workshop, guest) {
    const patch = await workshop.rewrite('in-place-module', {
      path: 'net/8021q/vlan_netlink.c',
      edit: (text) => {
        const [policy = ''] = POLICY.exec(text) ?? [];
        return replaceOnce(text, policy, policy.replace('NLA_U16', 'NLA_REJECT'));
      },
    });
    update = await workshop.create('in-place-module', [patch], { engine: 'auto' });
    for (const name of [MODULE, 'dummy']) guest.module(name);
    guest.shell('policy: load', `modprobe -a ${MODULE} dummy`);
    guest.shell('policy: before', LOOK);
    guest.resplice('policy: apply', ['apply', guest.update(update)]);
    guest.shell('policy: applied', LOOK);
    guest.shell('policy: loaded again', `rmmod ${MODULE} && modprobe ${MODULE}; ${LOOK}`);
    guest.resplice('policy: undo', ['undo', update.id]);
    guest.shell('policy: undone', LOOK);
    guest.shell('policy: unload', `rmmod ${MODULE} dummy`);
    guest.inspectKernel('policy: kernel after');
  },

  tests(guest) {
    test('the engine that can do it is chosen, before a condition on what is loaded', () => {
      assert.equal(update?.manifest.engine, 'trampoline');
      assert.deepEqual(update?.manifest.requiresUnloaded ?? [], []);
    });

    test('the module that is loaded sees it, and so does the one that is loaded later, until undo', () => {
      assertDone(guest.answer('policy: apply'));
      assertDone(guest.answer('policy: undo'));
      const seen = ['before', 'applied', 'loaded again', 'undone'].map((when) =>
        guest.printed(`policy: ${when}`),
      );
      assert.deepEqual(seen, ['made', 'refused', 'refused', 'made']);
      assert.equal(guest.ran('policy: unload').exitCode, 0);
      assert.deepEqual(guest.kernelState('policy: kernel after'), NOTHING_LEFT);
    });
  },
};
