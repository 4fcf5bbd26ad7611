// Every kind of hook, two of each in vmlinux and in a module, each of which writes its name into the kernel log: which ones run, and in
// which order, when an update goes on and off, is refused by one of them, or is turned round by the kernel because of a busy task.

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
import { replaceOnce } from '../../src/workshop.js';
import { assertDone, assertRefused } from '../expectation.js';

const ASKED = ['PRE_APPLY', 'PRE_UNDO'];
const KINDS = [...ASKED, 'APPLY', 'POST_APPLY', 'FAIL_APPLY', 'UNDO', 'POST_UNDO', 'FAIL_UNDO'];
const THREADS = '/proc/sys/kernel/threads-max';
/** With these numbers of threads the second hook of vmlinux refuses. */
const REFUSES_APPLY = 4711;
const REFUSES_UNDO = 4712;
/** With this one, the second hook of the module: when it is loaded later, it has not read its parameters yet. */
const OVERFLOW_UID = '/proc/sys/kernel/overflowuid';
const MODULE_REFUSES = 4713;

/** Steps in which a hook refuses, which the livepatch core says as well. */
export const REFUSING_STEPS: readonly string[] = [
  'hooks: module refuses',
  'hooks: vmlinux refuses',
  'hooks: load a module that refuses',
];

/** C of two hooks of each kind; the second of a kind that is asked refuses when `refusal` of that kind is true. */
function hooksOf(place: string, refusal: (kind: string) => string): string {
  const hook = (kind: string, number: number) => {
    const name = `${place}_${kind.toLowerCase()}_${number}`;
    const note = `pr_info("hook ${place} ${kind.toLowerCase().replace('_', '-')} ${number}\\n");`;
    const asked = ASKED.includes(kind);
    const answer = asked ? `\treturn ${number === 2 ? `${refusal(kind)} ? -EPERM : 0` : '0'};\n` : '';
    return `static ${asked ? 'int' : 'void'} ${name}(void)\n{\n\t${note}\n${answer}}\nRESPLICE_${kind}(${name});\n`;
  };
  return `\n#include <linux/highuid.h>\n#include <resplice.h>\n${[1, 2].flatMap((number) => KINDS.map((kind) => hook(kind, number))).join('\n')}`;
}

const VMLINUX = hooksOf(
  'fork',
  (kind) => `max_threads == ${kind === 'PRE_APPLY' ? REFUSES_APPLY : REFUSES_UNDO}`,
);
const MODULE = hooksOf('dummy', (kind) =>
  kind === 'PRE_APPLY' ? `overflowuid == ${MODULE_REFUSES}` : 'false',
);

export const hookOrder: GuestCase = {
  title: 'the order of hooks',

  async plan(workshop, guest) {
    const update = await workshop.create('hooks', [
      await workshop.rewrite('hooks-1', {
        ...HELD_PATCH,
        edit: (text) => `${HELD_PATCH.edit(text)}${VMLINUX}`,
      }),
      await workshop.rewrite('hooks-2', {
        path: 'drivers/net/dummy.c',
        edit: (text) => `${replaceOnce(text, 'dev->max_mtu = 0;', 'dev->max_mtu = 8000;')}${MODULE}`,
      }),
    ]);
    const file = guest.update(update);
    const undo = ['undo', update.id];
    guest.file(HELD_PROGRAM, await workshop.compile(HELD_SOURCE), 0o755);
    guest.module('dummy');
    const uid = (name: string, number: number) =>
      guest.shell(`hooks: ${name}`, `echo ${number} >${OVERFLOW_UID}`);
    guest.shell('hooks: load', 'modprobe dummy');
    uid('user that the module refuses', MODULE_REFUSES);
    guest.resplice('hooks: module refuses', ['apply', file]);
    guest.inspectKernel('hooks: kernel after the module');
    uid('usual user', 65534);
    guest.shell('hooks: unload', 'rmmod dummy');

    const threads = (name: string, number: string) =>
      guest.shell(`hooks: ${name}`, `echo ${number} >${THREADS}`);
    guest.shell('hooks: usual threads', `cat ${THREADS} >/tmp/threads`);
    threads('threads that refuse', `${REFUSES_APPLY}`);
    guest.resplice('hooks: vmlinux refuses', ['apply', file]);
    guest.inspectKernel('hooks: kernel after vmlinux');
    threads('threads as usual', '$(cat /tmp/threads)');

    guest.shell('hooks: task in the old code', START_HELD_TASK);
    guest.resplice('hooks: apply to a busy task', ['apply', file, '--timeout', '4']);
    guest.inspectKernel('hooks: kernel after a busy task');
    guest.shell('hooks: task ends', END_HELD_TASK);

    guest.shell('hooks: load again', 'modprobe dummy');
    guest.resplice('hooks: apply', ['apply', file]);
    threads('threads that keep', `${REFUSES_UNDO}`);
    guest.resplice('hooks: undo is refused', undo);
    threads('threads as usual again', '$(cat /tmp/threads)');
    guest.shell('hooks: task in the new code', START_HELD_TASK);
    guest.resplice('hooks: undo with a busy task', [...undo, '--timeout', '4']);
    guest.resplice('hooks: list', ['list']);
    guest.shell('hooks: second task ends', END_HELD_TASK);
    guest.shell('hooks: unload while applied', 'rmmod dummy');
    guest.resplice('hooks: undo', undo);

    guest.resplice('hooks: apply without the module', ['apply', file]);
    uid('user that the module refuses again', MODULE_REFUSES);
    guest.shell('hooks: load a module that refuses', 'modprobe dummy; echo $?');
    uid('usual user again', 65534);
    guest.resplice('hooks: undo without the module', undo);
    guest.resplice('hooks: apply once more', ['apply', file]);
    guest.shell('hooks: load while applied', 'modprobe dummy && cat /sys/class/net/dummy0/mtu');
    guest.resplice('hooks: undo with the module', undo);
    guest.inspectKernel('hooks: kernel at the end');
    guest.shell('hooks: unload at the end', 'rmmod dummy');
  },

  tests(guest) {
    const forward = (place: string, ...kinds: string[]) =>
      kinds.flatMap((kind) => [`${place} ${kind} 1`, `${place} ${kind} 2`]);
    const backward = (place: string, ...kinds: string[]) =>
      kinds.flatMap((kind) => [`${place} ${kind} 2`, `${place} ${kind} 1`]);

    test("a hook of the second object refuses: the first object's changes are taken back", () => {
      const [reason] = assertRefused(guest.answer('hooks: module refuses'), 'hook-refused');
      assert.equal(reason?.found, 'its hook dummy_pre_apply_2 (dummy) answered EPERM');
      assert.deepEqual(ran(guest, 'hooks: module refuses'), [
        ...forward('fork', 'pre-apply', 'apply'),
        ...forward('dummy', 'pre-apply'),
        ...backward('dummy', 'fail-apply'),
        ...backward('fork', 'fail-apply'),
      ]);
      assert.deepEqual(guest.kernelState('hooks: kernel after the module'), NOTHING_LEFT);
    });

    test('a hook of the first object refuses: nothing else is asked', () => {
      const [reason] = assertRefused(guest.answer('hooks: vmlinux refuses'), 'hook-refused');
      assert.equal(reason?.found, 'its hook fork_pre_apply_2 (vmlinux) answered EPERM');
      const expected = [...forward('fork', 'pre-apply'), ...backward('fork', 'fail-apply')];
      assert.deepEqual(ran(guest, 'hooks: vmlinux refuses'), expected);
      assert.deepEqual(guest.kernelState('hooks: kernel after vmlinux'), NOTHING_LEFT);
    });

    test('an update that a busy task keeps out is taken back by its fail-apply hooks', () => {
      assertRefused(guest.answer('hooks: apply to a busy task'), 'tasks-busy');
      assert.deepEqual(ran(guest, 'hooks: apply to a busy task'), [
        ...forward('fork', 'pre-apply', 'apply'),
        ...backward('fork', 'fail-apply'),
      ]);
      assert.deepEqual(guest.kernelState('hooks: kernel after a busy task'), NOTHING_LEFT);
    });

    test('an update that goes on runs pre-apply and apply of each object, then post-apply', () => {
      assertDone(guest.answer('hooks: apply'));
      assert.deepEqual(ran(guest, 'hooks: apply'), [
        ...forward('fork', 'pre-apply', 'apply'),
        ...forward('dummy', 'pre-apply', 'apply'),
        ...forward('fork', 'post-apply'),
        ...forward('dummy', 'post-apply'),
      ]);
    });

    test('a pre-undo hook that refuses keeps the update as it is', () => {
      const [reason] = assertRefused(guest.answer('hooks: undo is refused'), 'undo-hook-refused');
      assert.equal(reason?.found, 'its hook fork_pre_undo_2 (vmlinux) answered EPERM');
      assert.deepEqual(ran(guest, 'hooks: undo is refused'), forward('fork', 'pre-undo'));
    });

    test('an undo that a busy task keeps from completing is turned round by fail-undo hooks', () => {
      assertRefused(guest.answer('hooks: undo with a busy task'), 'undo-tasks-busy');
      assert.deepEqual(ran(guest, 'hooks: undo with a busy task'), [
        ...forward('fork', 'pre-undo'),
        ...forward('dummy', 'pre-undo'),
        ...backward('fork', 'undo'),
        ...backward('dummy', 'undo'),
        ...forward('fork', 'fail-undo'),
        ...forward('dummy', 'fail-undo'),
      ]);
      const updates = guest.answer('hooks: list').json.updates as readonly { readonly state: string }[];
      assert.deepEqual(
        updates.map(({ state }) => state),
        ['applied'],
      );
    });

    test('a module that is unloaded while the update is applied runs its undo hooks, and is not asked later', () => {
      assert.deepEqual(ran(guest, 'hooks: unload while applied'), backward('dummy', 'undo', 'post-undo'));
      assertDone(guest.answer('hooks: undo'));
      assert.deepEqual(ran(guest, 'hooks: undo'), [
        ...forward('fork', 'pre-undo'),
        ...backward('fork', 'undo', 'post-undo'),
      ]);
    });

    test('a hook of a module that is loaded later can keep the module out', () => {
      assertDone(guest.answer('hooks: apply without the module'));
      assert.equal(guest.printed('hooks: load a module that refuses'), '1');
      assert.deepEqual(ran(guest, 'hooks: load a module that refuses'), [
        ...forward('dummy', 'pre-apply'),
        ...backward('dummy', 'fail-apply'),
      ]);
      assertDone(guest.answer('hooks: undo without the module'));
    });

    test('a module that is loaded later runs its hooks before its own code', () => {
      assert.equal(guest.printed('hooks: load while applied'), '1500');
      assert.deepEqual(
        ran(guest, 'hooks: load while applied'),
        forward('dummy', 'pre-apply', 'apply', 'post-apply'),
      );
      assertDone(guest.answer('hooks: undo with the module'));
      assert.deepEqual(ran(guest, 'hooks: undo with the module'), [
        ...forward('fork', 'pre-undo'),
        ...forward('dummy', 'pre-undo'),
        ...backward('fork', 'undo'),
        ...backward('dummy', 'undo'),
        ...backward('fork', 'post-undo'),
        ...backward('dummy', 'post-undo'),
      ]);
      assert.deepEqual(guest.kernelState('hooks: kernel at the end'), NOTHING_LEFT);
    });
  },
};

/** The hooks that ran during a step, in order. */
function ran(guest: GuestScript, step: string): readonly string[] {
  return guest.loggedDuring(step).flatMap((line) => /\bhook (\w+ [\w-]+ \d)$/.exec(line)?.[1] ?? []);
}
