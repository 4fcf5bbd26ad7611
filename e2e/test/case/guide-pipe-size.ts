// The guide's example of live data with another value. Its hooks refuse when the administrator has set the value: the same is shown on
// several kernels.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { writeExample } from '../../src/guide-example.js';
import { assertDone, assertRefused } from '../expectation.js';

const LIMIT = '/proc/sys/fs/pipe-max-size';

export const PIPE_REFUSING_STEPS: readonly string[] = ['pipe: apply to another limit'];

export const pipeSize: GuestCase & { readonly example: string } = {
  title: 'hooks that set live data, and refuse when somebody else has set it',
  example: 'pipe-size',

  async plan(workshop, guest) {
    const update = await workshop.create('pipe-size', await writeExample(workshop, 'pipe-size'));
    const file = guest.update(update);
    const set = (name: string, value: number) => guest.shell(name, `echo ${value} >${LIMIT}`);
    const ask = (name: string) => guest.shell(name, `cat ${LIMIT}`);
    ask('pipe: before');
    set('pipe: administrator', 2097152);
    guest.resplice('pipe: apply to another limit', ['apply', file]);
    ask('pipe: refused');
    guest.inspectKernel('pipe: kernel after refusal');
    set('pipe: administrator gives up', 1048576);
    guest.resplice('pipe: apply', ['apply', file]);
    ask('pipe: applied');
    set('pipe: administrator again', 65536);
    guest.resplice('pipe: undo of another limit', ['undo', update.id]);
    guest.resplice('pipe: list', ['list']);
    ask('pipe: undo refused');
    set('pipe: administrator gives up again', 524288);
    guest.resplice('pipe: undo', ['undo', update.id]);
    ask('pipe: undone');
    guest.inspectKernel('pipe: kernel after undo');
  },

  tests(guest) {
    test('a pre-apply hook that refuses is named, and nothing is changed or left', () => {
      assert.equal(guest.printed('pipe: before'), '1048576');
      const [reason] = assertRefused(guest.answer('pipe: apply to another limit'), 'hook-refused');
      assert.match(reason?.found ?? '', /^its hook limit_is_the_default \(vmlinux\) answered EBUSY$/);
      assert.equal(guest.printed('pipe: refused'), '2097152');
      assert.deepEqual(guest.kernelState('pipe: kernel after refusal'), NOTHING_LEFT);
    });

    test('an apply hook sets the running variable of an update that replaces no function', () => {
      assertDone(guest.answer('pipe: apply'));
      assert.equal(guest.printed('pipe: applied'), '524288');
    });

    test('a pre-undo hook that refuses is named, and the update stays', () => {
      const [reason] = assertRefused(guest.answer('pipe: undo of another limit'), 'undo-hook-refused');
      assert.match(reason?.found ?? '', /^its hook limit_is_ours \(vmlinux\) answered EBUSY$/);
      const updates = guest.answer('pipe: list').json.updates as readonly { readonly state: string }[];
      assert.deepEqual(
        updates.map(({ state }) => state),
        ['applied'],
      );
      assert.equal(guest.printed('pipe: undo refused'), '65536');
    });

    test('an undo hook brings the old value back', () => {
      assertDone(guest.answer('pipe: undo'));
      assert.equal(guest.printed('pipe: undone'), '1048576');
      assert.deepEqual(guest.kernelState('pipe: kernel after undo'), NOTHING_LEFT);
    });
  },
};
