// Two real changes of structures between 6.1.170-3 and 6.1.176-1, as docs/patch-author-guide.md brings them into a running kernel, with objects
// that were made before the update, live through it, and end while it is applied and after it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { type GuestScript, NOBODY } from '../../src/guest-script.js';
import { writeExample } from '../../src/guide-example.js';
import { OWNER, READ_PIDS } from '../../src/object-owner.js';
import { assertDone, assertProbe } from '../expectation.js';

type When = 'before' | 'applied' | 'undone';

export const REAL_STRUCTURES: readonly string[] = ['eventpoll', 'user-dumpable'];

const TRACING = '/sys/kernel/tracing';
/** An object that is freed behind a grace period, without a member for that, goes through here with no head. */
const COUNT_WAITS = [
  `cd ${TRACING}`,
  "echo 'p:waits kvfree_call_rcu head=%di:x64' >kprobe_events",
  'echo \'head==0 && comm=="object-owner"\' >events/kprobes/waits/filter',
  'echo 1 >events/kprobes/waits/enable',
].join('\n');
const END_COUNT = `cd ${TRACING}; echo 0 >events/kprobes/waits/enable; echo >kprobe_events`;

/** Closes an epoll instance of the owner, and two that come and go, and prints how many of them were freed with a wait. */
function closeEpolls(guest: GuestScript, when: When, expected: number): void {
  const close = `${READ_PIDS}; kill -USR2 $owner; ${OWNER} epoll; sleep 0.3`;
  const count = `grep -c ' waits: ' ${TRACING}/trace`;
  // The owner closes when the guest lets it run.
  const wait = `for i in $(seq 100); do [ "$(${count})" -ge ${expected} ] && break; sleep 0.1; done`;
  guest.shell(
    `eventpoll: ${when}`,
    `${close}; ${wait}; ${count}; cat ${TRACING}/trace >&2; echo >${TRACING}/trace; true`,
  );
}

/** What others of the same user see of the owner's children: the last number of each one's line is how it ended. */
function readChildren(guest: GuestScript, when: When): void {
  const children = '$dead $secret_dead $alive $secret_alive';
  const read = `${READ_PIDS}; for pid in ${children}; do sed 's/.* //' /proc/$pid/stat; done`;
  guest.shell(`user-dumpable: children ${when}`, read, NOBODY);
}

export const realStructures: GuestCase = {
  title: 'real changes of structures',

  async plan(workshop, guest) {
    const eventpoll = await workshop.create('eventpoll', await writeExample(workshop, 'eventpoll'));
    guest.shell('eventpoll: count', COUNT_WAITS);
    closeEpolls(guest, 'before', 0);
    guest.resplice('eventpoll: apply', ['apply', guest.update(eventpoll)]);
    closeEpolls(guest, 'applied', 3);
    guest.resplice('eventpoll: undo', ['undo', eventpoll.id]);
    closeEpolls(guest, 'undone', 0);
    guest.shell('eventpoll: end of count', END_COUNT);

    const dumpable = await workshop.create('user-dumpable', await writeExample(workshop, 'user-dumpable'));
    const probe = await workshop.compileProbe('dead-task');
    guest.probe('user-dumpable: before', probe);
    readChildren(guest, 'before');
    guest.resplice('user-dumpable: apply', ['apply', guest.update(dumpable)]);
    guest.probe('user-dumpable: applied', probe);
    guest.shell('user-dumpable: end children', `${READ_PIDS}; kill -9 $alive $secret_alive; sleep 0.3`);
    readChildren(guest, 'applied');
    guest.resplice('user-dumpable: undo', ['undo', dumpable.id]);
    guest.probe('user-dumpable: undone', probe);
    readChildren(guest, 'undone');
  },

  tests(guest) {
    test('epoll instances from before and from now are freed behind a grace period while the update is applied', () => {
      assert.equal(guest.printed('eventpoll: before'), '0');
      assertDone(guest.answer('eventpoll: apply'));
      assert.equal(guest.printed('eventpoll: applied'), '3', guest.ran('eventpoll: applied').stderr);
      assertDone(guest.answer('eventpoll: undo'));
      assert.equal(guest.printed('eventpoll: undone'), '0');
    });

    test('a dead task that could not be dumped hides what anybody with its user id could read', () => {
      assertProbe(guest, 'user-dumpable: before', 'exposed');
      assertDone(guest.answer('user-dumpable: apply'));
      assertProbe(guest, 'user-dumpable: applied', 'safe');
      assertDone(guest.answer('user-dumpable: undo'));
      assertProbe(guest, 'user-dumpable: undone', 'exposed');
    });

    test('tasks that died before are all hidden, tasks that were alive are told apart when they die', () => {
      const [exited, killed, hidden] = ['1792', '9', '0'];
      const seen = (when: When) => guest.printed(`user-dumpable: children ${when}`).split('\n');
      assert.deepEqual(seen('before'), [exited, exited, hidden, hidden]);
      assert.deepEqual(seen('applied'), [hidden, hidden, killed, hidden]);
      assert.deepEqual(seen('undone'), [exited, exited, killed, killed]);
    });
  },
};
