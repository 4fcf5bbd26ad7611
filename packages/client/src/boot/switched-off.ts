// The ways in which an administrator, or the crash-loop guard, says "nothing of this on this machine". The first two win over everything,
// also over a command given by hand: whoever adds a word at the boot prompt wants to see the bare kernel.

import { existsSync } from 'node:fs';
import type { Machine } from '@resplice/host';
import type { Reason } from '@resplice/report';
import type { Places } from '../places.js';
import { openBootNote } from './boot-guard.js';

export type SwitchedOff = 'file' | 'command-line' | 'crash-loop';

/** Undefined when updates may be applied. */
export function findSwitchedOff(
  machine: Machine,
  places: Places,
  buildId: string | undefined,
): SwitchedOff | undefined {
  if (existsSync(places.disable)) return 'file';
  const line = machine.readFile('/proc/cmdline');
  const words = line.ok ? Buffer.from(line.bytes).toString().trim().split(/\s+/) : [];
  if (words.includes('noresplice')) return 'command-line';
  if (buildId === undefined) return undefined;
  return openBootNote(places, buildId).read()?.switchedOff == null ? undefined : 'crash-loop';
}

/**
 * Why nothing may be applied; undefined when it may. Without a kernel only the administrator's word counts, not that of the crash-loop guard.
 */
export function checkSwitchedOff({
  machine,
  places,
  kernel,
}: {
  readonly machine: Machine;
  readonly places: Places;
  readonly kernel?: { readonly buildId: string };
}): Reason | undefined {
  const off = findSwitchedOff(machine, places, kernel?.buildId);
  if (off === undefined) return undefined;
  return { code: 'switched-off', subject: {}, found: describeSwitchedOff(off, places) };
}

export function describeSwitchedOff(why: SwitchedOff, places: Places): string {
  switch (why) {
    case 'file':
      return `${places.disable} exists; remove it to have updates applied`;
    case 'command-line':
      return '"noresplice" is on the kernel command line; boot without it to have updates applied';
    case 'crash-loop':
      return 'the machine did not get far after updates were applied at boot; find out why, then switch it on with "resplice boot --retry"';
  }
}
