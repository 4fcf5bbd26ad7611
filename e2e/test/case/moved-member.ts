// A structure of the kernel's own changes its layout while objects of it are alive: `user_dumpable` of 6.1.176-1 takes the place of another bit
// of `struct task_struct`, which moves behind all others. Nobody may see the one layout with the other's code, so the bit of all tasks is moved
// while the machine stands still. What shows it is kthreadd, which has that bit from the boot on: nobody can put it into a cgroup.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { writeExample } from '../../src/guide-example.js';
import { READ_PIDS, startObjectOwner } from '../../src/object-owner.js';
import { replaceOnce } from '../../src/workshop.js';
import { assertDone, assertProbe } from '../expectation.js';

const WORD = '/* disallow userland-initiated cgroup migration */\n\tunsigned\t\t\tno_cgroup_migration:1;\n';
const NEW = '/* Save user-dumpable when mm goes away */\n\tunsigned\t\t\tuser_dumpable:1;\n';
const LAST = '\tunsigned                        in_thrashing:1;\n#endif\n';
const HOOKS = `
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <resplice.h>

/* A kernel thread that was made and never ran clears the bit where the old code has it. */
static int nobody_starts(void)
{
	struct task_struct *process, *task;

	for_each_process_thread(process, task)
		if (task->user_dumpable && task != kthreadd_task)
			return -EBUSY;
	return 0;
}
RESPLICE_CHECK_APPLY(nobody_starts);

static void move_bit(void)
{
	struct task_struct *process, *task;

	for_each_process_thread(process, task) {
		task->no_cgroup_migration = task->user_dumpable;
		task->user_dumpable = 0;
	}
}
RESPLICE_APPLY(move_bit);

static void move_bit_back(void)
{
	struct task_struct *process, *task;

	for_each_process_thread(process, task) {
		task->user_dumpable = task->no_cgroup_migration;
		task->no_cgroup_migration = 0;
	}
}
RESPLICE_UNDO(move_bit_back);

RESPLICE_HANDLES_TYPE(task_struct, "the hooks move the bit of all tasks while nobody runs");
`;
/** All kernel threads are always in one of them. */
const THREADS = `
#include <resplice.h>

RESPLICE_COEXISTS(kthreadd, "it sets the bit once, when the machine boots");
RESPLICE_COEXISTS(kthread, "a thread that runs has cleared the bit, and there is none that never ran");
`;

/** Of include/linux/sched.h. */
const PF_NO_SETAFFINITY = 0x0400_0000;

type When = 'before' | 'applied' | 'undone';
const WHEN = ['before', 'applied', 'undone'] as const;

export const movedMember: GuestCase = {
  title: 'a member that moves in objects that are alive',

  async plan(workshop, guest) {
    await startObjectOwner(workshop, guest);
    const [, exit = '', ptrace = ''] = await writeExample(workshop, 'user-dumpable');
    const header = await workshop.rewrite('moved-member', {
      path: 'include/linux/sched.h',
      edit: (text) =>
        replaceOnce(replaceOnce(text, WORD, NEW), LAST, `${LAST}#ifdef CONFIG_CGROUPS\n\t${WORD}#endif\n`),
    });
    const hooks = await workshop.rewrite('moved-member-hooks', {
      ...{ path: 'kernel/ptrace.c', on: [ptrace] },
      edit: (text) => `${text}${HOOKS}`,
    });
    const threads = await workshop.rewrite('moved-member-threads', {
      path: 'kernel/kthread.c',
      edit: (text) => `${text}${THREADS}`,
    });
    const update = await workshop.create('moved-member', [header, exit, ptrace, hooks, threads], {
      engine: 'trampoline',
    });
    const probe = await workshop.compileProbe('dead-task');
    const look = (when: When): void => {
      guest.probe(`moved member: ${when}`, probe);
      // Any other process can be put there.
      const put = (pid: string) => `sh -c 'echo ${pid} >/cgroups/a/cgroup.procs' 2>&1`;
      guest.shell(`moved member: cgroup ${when}`, `${put('$PPID')} && echo moved; ${put('2')}; true`);
    };

    guest.shell(
      'moved member: cgroups',
      'mkdir /cgroups && mount -t cgroup2 none /cgroups && mkdir /cgroups/a',
    );
    look('before');
    guest.resplice('moved member: apply', ['apply', guest.update(update)]);
    look('applied');
    guest.shell('moved member: end children', `${READ_PIDS}; kill -9 $alive $secret_alive; sleep 0.3`);
    guest.resplice('moved member: undo', ['undo', update.id]);
    look('undone');
    guest.shell('moved member: flags', "cut -d' ' -f9 /proc/2/stat");
  },

  tests(guest) {
    test('the fix works: a dead task that could not be dumped is hidden', () => {
      assertDone(guest.answer('moved member: apply'));
      assertProbe(guest, 'moved member: before', 'exposed');
      assertProbe(guest, 'moved member: applied', 'safe');
      assertProbe(guest, 'moved member: undone', 'exposed');
    });

    test('a task from before keeps the bit that moved, forth and back', () => {
      const flags = Number(guest.printed('moved member: flags'));
      assert.equal(
        flags & PF_NO_SETAFFINITY,
        0,
        'it is that bit, and not this flag, which keeps it out of cgroups',
      );
      for (const when of WHEN) {
        const [own, kthreadd] = guest.printed(`moved member: cgroup ${when}`).split('\n');
        assert.equal(own, 'moved', when);
        assert.match(kthreadd ?? '', /error/, when);
      }
    });
  },
};
