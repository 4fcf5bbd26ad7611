// The examples of docs/patch-author-guide.md, as an author would copy them, on objects from before, during and after the update.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import type { GuestScript } from '../../src/guest-script.js';
import { writeExample } from '../../src/guide-example.js';
import { OWNER, READ_PIDS } from '../../src/object-owner.js';
import type { Answer } from '../../src/resplice-command.js';
import type { MadeUpdate, Workshop } from '../../src/workshop.js';
import { assertDone } from '../expectation.js';
import { pipeSize } from './guide-pipe-size.js';

interface Example {
  readonly name: string;
  readonly title: string;
  /** Steps before, between and after; `when` makes their names different. */
  readonly observe: (guest: GuestScript, when: When) => void;
  readonly check: (guest: GuestScript) => void;
}

type When = 'before' | 'applied' | 'undone';

/** More than the processes of the guest have open. */
const PASSING_EVENTFDS = 30;

const updates = new Map<string, MadeUpdate>();
let inspected: Answer | undefined;

const EXAMPLES: readonly Example[] = [
  {
    name: 'left-out',
    title: 'what the author leaves out stays as it is, and inspect says why',
    observe(guest, when) {
      const script = `${OWNER} pipe 0; cat /proc/sys/fs/pipe-user-pages-soft`;
      guest.shell(`left-out: ${when}`, script);
    },
    check(guest) {
      const soft = '16384';
      assert.equal(guest.printed('left-out: before'), `4096\n${soft}`);
      assert.equal(guest.printed('left-out: applied'), `Invalid argument\n${soft}`);
      assert.equal(guest.printed('left-out: undone'), `4096\n${soft}`);
      const { custom, objects } = updates.get('left-out')?.manifest ?? {};
      assert.deepEqual(custom?.ignored.map(({ what, name }) => [what, name]).sort(), [
        ['data', 'pipe_user_pages_soft'],
        ['function', 'fifo_open'],
      ]);
      assert.deepEqual(
        objects?.flatMap(({ functions }) => functions.map(({ name }) => name)),
        ['pipe_fcntl'],
      );
      assert.deepEqual((inspected?.json.manifest as MadeUpdate['manifest'] | undefined)?.custom, custom);
    },
  },
  {
    name: 'eventfd-writes',
    title: 'a shadow variable counts for objects from before the update, and none is left after the undo',
    observe(guest, when) {
      // The owner writes to an eventfd that it has from the start; others come and go.
      const come = `for i in $(seq ${PASSING_EVENTFDS}); do ${OWNER} eventfd; done`;
      const write = `${READ_PIDS}; kill -USR1 $owner; sleep 0.3; ${come}`;
      guest.shell(`eventfd-writes: ${when}`, `${write}; grep -o 'writes.*' /proc/$owner/fdinfo/100; true`);
    },
    check(guest) {
      assert.equal(guest.printed('eventfd-writes: before'), '');
      // The Node.js that stays in the guest has a few eventfds too, and writes to them when it likes.
      const [, writes, counters] =
        /^writes: (\d+) of (\d+)$/.exec(guest.printed('eventfd-writes: applied')) ?? [];
      assert.equal(writes, '1');
      assert.ok(Number(counters) < PASSING_EVENTFDS, `${counters} counters`);
      assert.equal(guest.printed('eventfd-writes: undone'), '');
      const log = guest.loggedDuring('eventfd-writes: undo');
      assert.ok(
        log.some((line) => line.includes('eventfd: 0 counters are left')),
        log.join('\n'),
      );
    },
  },
  {
    name: 'timer-slack',
    title: 'a hook walks all tasks, and new code sees to those to come',
    observe(guest, when) {
      const script = `${READ_PIDS}; cat /proc/$owner/timerslack_ns; ${OWNER} slack 2000000000`;
      guest.shell(`timer-slack: ${when}`, script);
    },
    check(guest) {
      assert.equal(guest.printed('timer-slack: before'), '5000000000\n2000000000');
      assert.equal(guest.printed('timer-slack: applied'), '1000000000\n1000000000');
      assert.equal(guest.printed('timer-slack: undone'), '1000000000\n2000000000');
    },
  },
  {
    name: 'queue-size',
    title: 'a hook walks an idr, and undo gives back what it took',
    observe(guest, when) {
      const make = `${OWNER} queue >/tmp/queue-${when}`;
      const ask = (from: When) => `${OWNER} queue $(cat /tmp/queue-${from})`;
      const all = when === 'before' ? [] : [ask('before')];
      guest.shell(`queue-size: ${when}`, [make, ...all, ask(when)].join('\n'));
      if (when === 'undone') guest.shell('queue-size: made meanwhile', ask('applied'));
    },
    check(guest) {
      assert.equal(guest.printed('queue-size: before'), '16384');
      assert.equal(guest.printed('queue-size: applied'), '8192\n8192');
      assert.equal(guest.printed('queue-size: undone'), '16384\n16384');
      assert.equal(guest.printed('queue-size: made meanwhile'), '16384');
    },
  },
  {
    name: 'dummy-mtu',
    title: 'a hook walks the list of a module that was loaded before the update',
    observe(guest, when) {
      // ip says nothing about the largest MTU; what it may be set to does. The one that it has is always taken.
      const mtu = { before: 20000, applied: 30000, undone: 40000 }[when];
      const set = (device: string) => `echo ${mtu} >/sys/class/net/${device}/mtu && echo ${device} takes it`;
      const make = when === 'before' ? 'modprobe dummy' : `ip link add ${when} type dummy`;
      const devices = when === 'before' ? ['dummy0'] : ['dummy0', when];
      guest.shell(`dummy-mtu: ${when}`, [make, ...devices.map(set), 'true'].join('\n'));
      if (when === 'undone') guest.shell('dummy-mtu: unload', 'rmmod dummy');
    },
    check(guest) {
      assert.equal(guest.printed('dummy-mtu: before'), 'dummy0 takes it');
      assert.equal(guest.printed('dummy-mtu: applied'), '');
      assert.equal(guest.printed('dummy-mtu: undone'), 'dummy0 takes it\nundone takes it');
    },
  },
];

/** Those that the tests use; the guide has no others. */
export const GUIDE_EXAMPLES: readonly string[] = [pipeSize.example, ...EXAMPLES.map(({ name }) => name)];

export const guideExamples: GuestCase = {
  title: "the examples of the author's guide",

  async plan(workshop, guest) {
    guest.module('dummy');
    for (const example of EXAMPLES) await planExample(workshop, guest, example);
    const { file = '' } = updates.get('left-out') ?? {};
    inspected = await workshop.inspect(file);
  },

  tests(guest) {
    for (const { name, title, check } of EXAMPLES) {
      test(title, () => {
        assertDone(guest.answer(`${name}: apply`));
        assertDone(guest.answer(`${name}: undo`));
        check(guest);
      });
    }
  },
};

async function planExample(
  workshop: Workshop,
  guest: GuestScript,
  { name, observe }: Example,
): Promise<void> {
  const update = await workshop.create(name, await writeExample(workshop, name));
  updates.set(name, update);
  observe(guest, 'before');
  guest.resplice(`${name}: apply`, ['apply', guest.update(update)]);
  observe(guest, 'applied');
  guest.resplice(`${name}: undo`, ['undo', update.id]);
  observe(guest, 'undone');
}
