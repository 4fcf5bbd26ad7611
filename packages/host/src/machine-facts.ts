// What this machine can do about live updates, for `resplice doctor`: each fact with what was found, what is needed, and how
// to get there.

import { RespliceError } from '@resplice/report';
import { readKernelMemory } from './kernel/core-file.js';
import { type Environment, readEnvironment } from './kernel/environment.js';
import { findSymbols } from './kernel/kallsyms.js';
import type { Machine } from './machine/machine.js';

export interface MachineFact {
  /** Kebab-case and stable. */
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly need: string;
  /** What to do when it is not ok. */
  readonly advice: string;
}

export function probeMachine(machine: Machine): readonly MachineFact[] {
  const environment = readEnvironment(machine);
  return [...describeEnvironment(environment), describeSymbols(machine), describeMemory(machine)];
}

function describeEnvironment(environment: Environment): readonly MachineFact[] {
  const { uid, architecture, release, packageVersion, buildId, lockdown, signaturesForced } = environment;
  return [
    {
      name: 'root',
      ok: uid === 0,
      found: uid === 0 ? 'root' : `user ${uid}`,
      need: 'root to apply and undo',
      advice: 'run it with sudo',
    },
    {
      name: 'architecture',
      ok: architecture === 'x86_64',
      found: architecture,
      need: 'x86_64',
      advice: 'no other architecture is supported yet',
    },
    {
      name: 'kernel',
      ok: buildId !== undefined,
      found: `${release} (${packageVersion ?? 'version unknown'}), build id ${buildId ?? 'unknown'}`,
      need: 'a kernel that tells its build id in /sys/kernel/notes',
      advice: 'boot a stock Debian kernel and mount sysfs',
    },
    {
      name: 'livepatch',
      ok: environment.livepatch,
      found: environment.livepatch ? 'supported' : '/sys/kernel/livepatch does not exist',
      need: 'CONFIG_LIVEPATCH, for updates of the livepatch engine',
      advice:
        'use updates for the trampoline engine (create --engine trampoline), or boot a stock Debian amd64 kernel',
    },
    {
      name: 'ftrace',
      ok: environment.ftraceEnabled,
      found: environment.ftraceEnabled ? 'on' : 'kernel.ftrace_enabled is 0',
      need: 'function tracing switched on',
      advice: 'sysctl kernel.ftrace_enabled=1',
    },
    {
      name: 'unsigned-modules',
      ok: lockdown === 'none' && !signaturesForced,
      found: `lockdown ${lockdown}, signatures ${signaturesForced ? 'forced' : 'not forced'}`,
      need: 'unsigned modules allowed, or signed updates',
      advice: 'use updates signed with a key this kernel trusts, or start without Secure Boot',
    },
    {
      name: 'modules',
      ok: !environment.modulesDisabled,
      found: environment.modulesDisabled ? 'kernel.modules_disabled is 1' : 'can be loaded',
      need: 'modules can be loaded',
      advice: 'reboot, and find out what sets kernel.modules_disabled',
    },
  ];
}

function describeSymbols(machine: Machine): MachineFact {
  const open = machine.openFile('/proc/kallsyms');
  let found = open.ok ? 'addresses visible' : `/proc/kallsyms: ${open.code}`;
  let ok = open.ok;
  if (open.ok) {
    ok = !findSymbols(open.file, []).hidden;
    open.file.close();
    if (!ok) found = 'addresses hidden';
  }
  return {
    name: 'kallsyms',
    ok,
    found,
    need: 'addresses of kernel functions in /proc/kallsyms',
    advice: 'run it with sudo; if they stay hidden, sysctl kernel.kptr_restrict=1',
  };
}

function describeMemory(machine: Machine): MachineFact {
  const problem = findMemoryProblem(machine);
  return {
    name: 'kernel-memory',
    ok: problem === undefined,
    found: problem ?? 'readable',
    need: '/proc/kcore, to compare the running code with the update',
    advice: 'run it with sudo; lockdown mode "confidentiality" and containers hide it',
  };
}

function findMemoryProblem(machine: Machine): string | undefined {
  const open = machine.openFile('/proc/kcore');
  if (!open.ok) return `/proc/kcore: ${open.code}`;
  try {
    return readKernelMemory(open.file).slide === undefined
      ? '/proc/kcore does not tell KERNELOFFSET'
      : undefined;
  } catch (error) {
    if (error instanceof RespliceError) return error.message;
    throw error;
  } finally {
    open.file.close();
  }
}
