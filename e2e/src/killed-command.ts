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

export type Tool = 'insmod' | 'rmmod';

/** A shell condition: one of kmod's tools was started and waits, see {@link holdTool}. */
export function isHeld(tool: Tool): string {
  return `[ -e /tmp/${tool}-held ]`;
}

/** Shell script: from now on each call of the tool waits until {@link releaseTool} lets it work, or end without any effect. */
export function holdTool(tool: Tool): string {
  return [
    `mkdir -p /real && ln -sf /usr/bin/kmod /real/${tool} && rm /usr/bin/${tool}`,
    `cat >/usr/bin/${tool} <<'END'`,
    '#!/bin/sh',
    `: >/tmp/${tool}-held`,
    `while [ -e /tmp/${tool}-held ]; do sleep 0.02; done`,
    `if [ -e /tmp/${tool}-drop ]; then rm /tmp/${tool}-drop; exit 1; fi`,
    `exec /real/${tool} "$@"`,
    'END',
    `chmod 755 /usr/bin/${tool}`,
  ].join('\n');
}

/** Shell script: ends the wait; later calls are not held. */
export function releaseTool(tool: Tool, fate: 'works' | 'does nothing'): string {
  const drop = fate === 'works' ? '' : `: >/tmp/${tool}-drop; `;
  return `${drop}ln -sf kmod /usr/bin/${tool} && rm /tmp/${tool}-held`;
}
