// The main job: a hole is there, an update closes it without a reboot, undoing opens it again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { makeLeadingFix } from '../../src/leading-fix.js';
import { assertDone, assertProbe, listed } from '../expectation.js';

let id = '';
let symbol = '';

export const oneUpdate: GuestCase = {
  title: 'an update of one file',

  async plan(workshop, guest) {
    const fix = await makeLeadingFix(workshop);
    const { update, probe } = fix;
    id = update.id;
    symbol = fix.symbol;
    const file = guest.update(update);
    guest.probe('one: before', probe);
    guest.resplice('one: apply', ['apply', file]);
    guest.probe('one: applied', probe);
    guest.resplice('one: apply again', ['apply', file]);
    guest.resplice('one: list', ['list']);
    guest.resplice('one: show', ['show', id]);
    guest.resplice('one: undo', ['undo', id]);
    guest.probe('one: undone', probe);
    guest.resplice('one: list after', ['list']);
    guest.inspectKernel('one: kernel after');
  },

  tests(guest) {
    test('the probe finds the kernel exposed, safe when the update is applied, exposed again when it is undone', () => {
      assertProbe(guest, 'one: before', 'exposed');
      assertDone(guest.answer('one: apply'));
      assertProbe(guest, 'one: applied', 'safe');
      assertDone(guest.answer('one: undo'));
      assertProbe(guest, 'one: undone', 'exposed');
    });

    test('applying an applied update says so and is no failure', () => {
      const { json, status } = guest.answer('one: apply again');
      assert.equal(status, 0);
      assert.equal(json.state, 'already-applied');
    });

    test('list and show tell what is applied', () => {
      assert.deepEqual(
        listed(guest.answer('one: list')).map((each) => [each.id, each.state]),
        [[id, 'applied']],
      );
      const { json } = guest.answer('one: show');
      const [object] = json.objects as { name: string; patched: boolean; functions: { name: string }[] }[];
      assert.deepEqual([object?.name, object?.patched], ['vmlinux', true]);
      assert.ok(object?.functions.some(({ name }) => name === symbol));
    });

    test('nothing is left after undo', () => {
      assert.deepEqual(listed(guest.answer('one: list after')), []);
      assert.deepEqual(guest.kernelState('one: kernel after'), NOTHING_LEFT);
    });
  },
};
