// What the states of machines are called, everywhere the same.

import type { MachineSummary } from '@resplice/protocol/console';
import type { Tone } from '../ui/pill.js';

export interface Word {
  readonly text: string;
  readonly tone: Tone;
  readonly means: string;
}

export const STATUS: Readonly<Record<MachineSummary['status'], Word>> = {
  uptodate: { text: 'Safe', tone: 'good', means: 'has every update that is published for its kernel' },
  outofdate: { text: 'Exposed', tone: 'warn', means: 'updates for its kernel are not applied' },
  unsupported: { text: 'No updates', tone: 'quiet', means: 'no update was ever published for this kernel' },
};

export const HEALTH: Readonly<Record<MachineSummary['health'], Word>> = {
  good: { text: 'Good', tone: 'good', means: 'the kernel log is clean since the last update' },
  watching: { text: 'Watching', tone: 'info', means: 'an update was applied minutes ago' },
  bad: { text: 'Failing', tone: 'bad', means: 'the kernel complained after an update' },
};

export const STATE: Readonly<Record<MachineSummary['state'], Word>> = {
  active: { text: 'Active', tone: 'good', means: 'takes part' },
  pending: { text: 'Waiting', tone: 'info', means: 'waits for somebody to authorise it' },
  denied: { text: 'Denied', tone: 'quiet', means: 'is given nothing to do' },
};

export const DISABLED: Readonly<Record<string, string>> = {
  file: 'updates are switched off by its configuration',
  'command-line': 'updates are switched off on the kernel command line',
  'crash-loop': 'updates were switched off because it crashed after one',
};

export const CONFLICT: Readonly<Record<string, string>> = {
  'machine-cloned': 'two machines use its token; run "resplice register" on the copy',
  'check-in-replayed': 'it was restored from a snapshot; run "resplice register" on it',
};

/** The worst first: what somebody should look at. */
export function wordsOf(machine: MachineSummary): readonly Word[] {
  const words: Word[] = [];
  if (machine.state !== 'active') words.push(STATE[machine.state]);
  if (machine.health !== 'good') words.push(HEALTH[machine.health]);
  if (machine.conflict !== null)
    words.push({ text: 'Conflict', tone: 'bad', means: CONFLICT[machine.conflict] ?? machine.conflict });
  if (machine.silent) words.push({ text: 'Silent', tone: 'warn', means: 'has missed three check-ins' });
  if (machine.disabled !== null)
    words.push({ text: 'Switched off', tone: 'warn', means: DISABLED[machine.disabled] ?? machine.disabled });
  words.push(STATUS[machine.status]);
  return words;
}

export function nameOf({ hostname, machine }: Pick<MachineSummary, 'hostname' | 'machine'>): string {
  return hostname ?? machine.slice(0, 8);
}
