// A change of data and code in one moment: a bit of every task is stored elsewhere, and the tasks that exist are converted while the machine is
// stopped. A task that asks for the bit all the time never gets another answer.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { ROOT } from '../../src/resplice-command.js';
import { replaceOnce } from '../../src/workshop.js';
import { assertDone } from '../expectation.js';

const OLD = 'unsigned int old = current->personality;\n';
const NEW = 'unsigned int old = e2e_turn(current->personality, E2E_STORED, E2E_ASKED);\n';
const SET = 'set_personality(personality);';
const HOOKS = `
#include <linux/sched/signal.h>
#include <resplice.h>

#define E2E_ASKED 0x10000000
#define E2E_STORED 0x20000000

static inline unsigned int e2e_turn(unsigned int value, unsigned int from, unsigned int to)
{
	return value & from ? (value & ~from) | to : value;
}

static void e2e_convert(unsigned int from, unsigned int to)
{
	struct task_struct *process, *task;

	for_each_process_thread(process, task)
		task->personality = e2e_turn(task->personality, from, to);
}

static void e2e_forth(void)
{
	e2e_convert(E2E_ASKED, E2E_STORED);
}
RESPLICE_APPLY(e2e_forth);

static void e2e_back(void)
{
	e2e_convert(E2E_STORED, E2E_ASKED);
}
RESPLICE_UNDO(e2e_back);

`;
const CALL = 'SYSCALL_DEFINE1(personality, unsigned int, personality)\n';

export const atomicData: GuestCase = {
  title: 'data and code changed in one moment',

  async plan(workshop, guest) {
    const patch = await workshop.rewrite('atomic', {
      path: 'kernel/exec_domain.c',
      edit: (text) => {
        const asking = replaceOnce(replaceOnce(text, CALL, `${HOOKS}${CALL}`), OLD, NEW);
        return replaceOnce(asking, SET, 'set_personality(e2e_turn(personality, E2E_ASKED, E2E_STORED));');
      },
    });
    const update = await workshop.create('atomic', [patch], { engine: 'trampoline' });
    const program = guest.file(
      '/personality-loop',
      await workshop.compile(join(ROOT, 'e2e/src/personality-loop.c')),
      0o755,
    );
    const stored = (when: string): void =>
      guest.shell(`atomic: stored ${when}`, 'cat /proc/$(cat /tmp/loop.pid)/personality');
    guest.shell('atomic: start', `${program} >/tmp/loop.out 2>&1 & echo $! >/tmp/loop.pid; sleep 1`);
    stored('before');
    guest.resplice('atomic: apply', ['apply', guest.update(update)]);
    stored('applied');
    guest.resplice('atomic: undo', ['undo', update.id]);
    stored('undone');
    guest.shell('atomic: end', 'kill $(cat /tmp/loop.pid); sleep 1; cat /tmp/loop.out');
    guest.inspectKernel('atomic: kernel after');
  },

  tests(guest) {
    test('the objects that exist are converted by apply, and back by undo', () => {
      assertDone(guest.answer('atomic: apply'));
      assertDone(guest.answer('atomic: undo'));
      const stored = ['before', 'applied', 'undone'].map((when) =>
        guest.ran(`atomic: stored ${when}`).stdout.trim(),
      );
      assert.deepEqual(stored, ['10000000', '20000000', '10000000']);
    });

    test('no task ever sees the one without the other', () => {
      assert.equal(guest.ran('atomic: end').stdout.trim(), 'many 0');
      assert.deepEqual(guest.kernelState('atomic: kernel after'), NOTHING_LEFT);
    });
  },
};
