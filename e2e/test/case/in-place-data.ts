// Read-only data of the kernel that changes where it is, in the moment in which code changes: the digits by which the kernel writes bytes, which
// every part of it reads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { type MadeUpdate, replaceOnce } from '../../src/workshop.js';
import { assertDone, assertRefused } from '../expectation.js';

const ADDRESS = 'cat /sys/class/net/lo/address';
let update: MadeUpdate | undefined;
let refused: Parameters<typeof assertRefused>[0] | undefined;

export const inPlaceData: GuestCase = {
  title: 'read-only data that is changed in place',

  async plan(workshop, guest) {
    const patch = await workshop.rewrite('in-place', {
      path: 'lib/hexdump.c',
      edit: (text) => replaceOnce(text, 'hex_asc[] = "0123456789abcdef"', 'hex_asc[] = "o123456789abcdef"'),
    });
    refused = await workshop.tryToCreate('in-place-livepatch', [patch], { engine: 'livepatch' });
    update = await workshop.create('in-place', [patch], { engine: 'trampoline' });
    guest.shell('data: before', ADDRESS);
    guest.resplice('data: apply', ['apply', guest.update(update)]);
    guest.shell('data: applied', ADDRESS);
    guest.resplice('data: undo', ['undo', update.id]);
    guest.shell('data: undone', ADDRESS);
    guest.inspectKernel('data: kernel after');
  },

  tests(guest) {
    test('the manifest has the bytes, and nothing but them', () => {
      const data = update?.manifest.objects.flatMap((object) => object.data) ?? [];
      const text = (bytes: string) => Buffer.from(bytes, 'base64').toString();
      assert.deepEqual(
        data.map(({ name, before, after }) => [name, text(before), text(after)]),
        [['hex_asc', '0', 'o']],
      );
    });

    test('livepatch, which cannot do both at once, is refused it', () => {
      assert.ok(refused);
      assert.ok(
        refused.reasons.some(({ code }) => code === 'changed-data'),
        refused.text,
      );
      assertRefused(refused, ...refused.reasons.map(({ code }) => code));
    });

    test('all of the kernel sees it when the update is applied, and the old bytes after undo', () => {
      assertDone(guest.answer('data: apply'));
      assertDone(guest.answer('data: undo'));
      const seen = ['before', 'applied', 'undone'].map((when) => guest.printed(`data: ${when}`));
      assert.deepEqual(seen, ['00:00:00:00:00:00', 'oo:oo:oo:oo:oo:oo', '00:00:00:00:00:00']);
      assert.deepEqual(guest.kernelState('data: kernel after'), NOTHING_LEFT);
    });
  },
};
