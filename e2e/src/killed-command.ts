// A command that is killed by SIGKILL at a chosen moment of its work, as a shell script for a guest.

import { respliceCommand } from './guest-script.js';

/** What the script prints when the command was at work at that moment and died of the signal. */
export const KILLED = 'killed at the moment';

/**
 * Starts the command and kills it as soon as `moment`, a shell condition, is true. Exit status 3: the command ended, or the
 * moment did not come within a minute.
 */
export function killWhen(args: readonly string[], moment: string): string {
  return [
    `${respliceCommand(args).join(' ')} >/tmp/killed.out 2>&1 & pid=$!`,
    'i=0',
    `until ${moment}; do`,
    '  i=$((i + 1)); [ $i -lt 6000 ] && kill -0 $pid || { cat /tmp/killed.out; exit 3; }; sleep 0.01',
    'done',
    'kill -9 $pid; wait $pid',
    `[ $? = 137 ] && echo '${KILLED}'`,
  ].join('\n');
}

const HELD = '/tmp/insmod-held';

/** True while an insmod waits in {@link HOLD_INSMOD}. */
export const INSMOD_HELD = `[ -e ${HELD} ]`;

/** Shell script: from now on each insmod waits until it is told to go on or to end without loading anything. */
export const HOLD_INSMOD = [
  'mkdir -p /real && ln -sf /usr/bin/kmod /real/insmod && rm /usr/bin/insmod',
  "cat >/usr/bin/insmod <<'END'",
  '#!/bin/sh',
  `: >${HELD}`,
  `while [ -e ${HELD} ]; do sleep 0.02; done`,
  `if [ -e ${HELD}.drop ]; then rm ${HELD}.drop; exit 1; fi`,
  'exec /real/insmod "$@"',
  'END',
  'chmod 755 /usr/bin/insmod',
].join('\n');

/** Shell scripts: the insmod that waits loads its module, or does not; in both cases later ones are not held. */
export const LET_INSMOD_LOAD = `ln -sf kmod /usr/bin/insmod && rm ${HELD}`;
export const DROP_INSMOD = `: >${HELD}.drop; ln -sf kmod /usr/bin/insmod && rm ${HELD}`;
