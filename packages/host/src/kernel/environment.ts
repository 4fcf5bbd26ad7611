// What the kernel says about itself and its rules: the facts that decide whether any update could be applied here.
// Read by `doctor` and by every check before applying.

import { RespliceError } from '@resplice/report';
import { type Machine, readText } from '../machine/machine.js';
import { findBuildId } from './elf-note.js';
import { LIVEPATCH_DIRECTORY } from './livepatch-list.js';

export interface Environment {
  readonly uid: number;
  readonly architecture: string;
  /** uname -r */
  readonly release: string;
  /** The distribution's package version as far as `uname -v` names it, for example `6.1.170-3`. */
  readonly packageVersion: string | undefined;
  readonly buildId: string | undefined;
  readonly livepatch: boolean;
  readonly ftraceEnabled: boolean;
  readonly lockdown: Lockdown;
  readonly signaturesForced: boolean;
  readonly modulesDisabled: boolean;
  /** How many run, and how many there can ever be; undefined when the kernel does not say. */
  readonly processors: { readonly online: number; readonly possible: number } | undefined;
}

export type Lockdown = 'none' | 'integrity' | 'confidentiality';

export function readEnvironment(machine: Machine): Environment {
  const version = readText(machine, '/proc/sys/kernel/version') ?? '';
  return {
    uid: machine.uid,
    architecture: machine.architecture,
    release: readText(machine, '/proc/sys/kernel/osrelease') ?? 'unknown',
    packageVersion: parsePackageVersion(version),
    buildId: readBuildId(machine, '/sys/kernel/notes'),
    livepatch: machine.listDirectory(LIVEPATCH_DIRECTORY) !== undefined,
    // Without the file there is no switch, so nothing is switched off; a kernel without ftrace has no livepatch either.
    ftraceEnabled: readText(machine, '/proc/sys/kernel/ftrace_enabled') !== '0',
    lockdown: parseLockdown(readText(machine, '/sys/kernel/security/lockdown') ?? ''),
    signaturesForced: /^[Y1]$/.test(readText(machine, '/sys/module/module/parameters/sig_enforce') ?? ''),
    modulesDisabled: readText(machine, '/proc/sys/kernel/modules_disabled') === '1',
    processors: readProcessors(machine),
  };
}

function readProcessors(machine: Machine): Environment['processors'] {
  const [online, possible] = ['online', 'possible'].map((name) =>
    readText(machine, `/sys/devices/system/cpu/${name}`),
  );
  if (online === undefined || possible === undefined) return undefined;
  return { online: countProcessors(online), possible: countProcessors(possible) };
}

/** 6 of `0-3,8,10`. */
function countProcessors(list: string): number {
  const sizes = [...list.matchAll(/(\d+)(?:-(\d+))?/g)].map(
    ([, first, last]) => Number(last ?? first) - Number(first) + 1,
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** `6.1.170-3` of `#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-05-08)`. */
export function parsePackageVersion(version: string): string | undefined {
  return /\bDebian (\S+)/.exec(version)?.[1];
}

/** The word in brackets of `none [integrity] confidentiality`. */
export function parseLockdown(text: string): Lockdown {
  const word = /\[(\w+)\]/.exec(text)?.[1];
  return word === 'integrity' || word === 'confidentiality' ? word : 'none';
}

/** Undefined when the file is missing, carries no build id or is malformed: to the caller all three mean "cannot tell". */
export function readBuildId(machine: Machine, path: string): string | undefined {
  const read = machine.readFile(path);
  if (!read.ok) return undefined;
  try {
    return findBuildId(read.bytes, path);
  } catch (error) {
    if (error instanceof RespliceError) return undefined;
    throw error;
  }
}
