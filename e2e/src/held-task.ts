// A task that stays in a function of the kernel for as long as a test wants (held-task.c says how), an update that replaces that
// function, and the shell scripts that start and end the task.

import { join } from 'node:path';
import { ROOT } from './resplice-command.js';
import { type Rewrite, replaceOnce } from './workshop.js';

export const HELD_FUNCTION = 'kernel_clone';
export const HELD_SOURCE = join(ROOT, 'e2e/src/held-task.c');
/** Where the program has to be in the guest; its last part is the task's name. */
export const HELD_PROGRAM = '/held-task';

const CHECK = '\t    (args->pidfd == args->parent_tid))\n\t\treturn -EINVAL;\n';

/** A change of kernel_clone that nobody notices: no stack is that large. */
export const HELD_PATCH: Rewrite = {
  path: 'kernel/fork.c',
  edit: (text) => replaceOnce(text, CHECK, `${CHECK}\tif (args->stack_size == ~0UL)\n\t\treturn -EINVAL;\n`),
};

/** Starts the task and waits until it sleeps; prints its pid. */
export const START_HELD_TASK = [
  `${HELD_PROGRAM} >/dev/null 2>&1 & pid=$!; echo $pid >/tmp/held.pid`,
  'i=0',
  `until grep -q '${HELD_FUNCTION}+' /proc/$pid/stack; do`,
  '  i=$((i + 1)); [ $i -lt 500 ] || exit 2; sleep 0.02',
  'done',
  'echo $pid',
].join('\n');

export const END_HELD_TASK = 'kill -9 $(cat /tmp/held.pid)';
