// A task that sleeps in the kernel for as long as the test wants: `cat` on a FIFO that nobody writes to, in pipe_read(). An
// update that replaces pipe_read cannot complete while it sleeps there (the kernel wakes it only after 15 s).

import { type Rewrite, replaceOnce } from './workshop.js';

export const HELD_FUNCTION = 'pipe_read';

/** A change of pipe_read that nobody notices: no read can have that length. */
export const HELD_PATCH: Rewrite = {
  path: 'fs/pipe.c',
  edit: (text) =>
    replaceOnce(
      text,
      '\t/* Null read succeeds. */\n\tif (unlikely(total_len == 0))\n\t\treturn 0;\n\n\tret = 0;\n\t__pipe_lock(pipe);',
      '\t/* Null read succeeds. */\n\tif (unlikely(total_len == 0 || (ssize_t)total_len < 0))\n\t\treturn 0;\n\n\tret = 0;\n\t__pipe_lock(pipe);',
    ),
};

const FIFO = '/tmp/held';

/** Shell script: starts the sleeper and waits until it sleeps; prints its pid. */
export const START_SLEEPER = [
  `rm -f ${FIFO}; mkfifo ${FIFO} || exit 1`,
  `sleep 100000 >${FIFO} 2>/dev/null & echo $! >${FIFO}.writer`,
  `cat <${FIFO} >/dev/null 2>&1 & echo $! >${FIFO}.reader`,
  'i=0',
  `until grep -q '${HELD_FUNCTION}+' /proc/$(cat ${FIFO}.reader)/stack; do`,
  '  i=$((i + 1)); [ $i -lt 500 ] || exit 2; sleep 0.02',
  'done',
  `cat ${FIFO}.reader`,
].join('\n');

/** Shell script: ends the sleeper. */
export const END_SLEEPER = `kill -9 $(cat ${FIFO}.reader) $(cat ${FIFO}.writer)`;
