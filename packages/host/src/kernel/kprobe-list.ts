// Kprobes, from /sys/kernel/debug/kprobes/list. One line each, as Linux 6.1 prints it:
//   ffffffff9aa0c320  k  cmdline_proc_show+0x0    [DISABLED][FTRACE]
// Source: Linux Documentation/trace/kprobes.rst, "The kprobes debugfs interface".

import { type Machine, readText } from '../machine/machine.js';

export interface Kprobe {
  readonly address: bigint;
  /** `function+0x1c`, as the kernel prints it. */
  readonly place: string;
  readonly kind: 'kprobe' | 'kretprobe';
  readonly disabled: boolean;
}

/** Probes whose target is gone (its module was unloaded) are left out, as are lines that are not understood. */
export function parseKprobes(text: string): readonly Kprobe[] {
  const probes: Kprobe[] = [];
  for (const line of text.split('\n')) {
    const [, address, letter, place] = /^(?:0x)?([0-9a-f]{8,16})\s+(\S)\s+(\S+)/.exec(line) ?? [];
    if (address === undefined || place === undefined || line.includes('[GONE]')) continue;
    probes.push({
      address: BigInt(`0x${address}`),
      place,
      kind: letter === 'r' ? 'kretprobe' : 'kprobe',
      disabled: line.includes('[DISABLED]'),
    });
  }
  return probes;
}

/** Undefined when debugfs is not mounted or not readable. */
export function readKprobes(machine: Machine): readonly Kprobe[] | undefined {
  const text = readText(machine, '/sys/kernel/debug/kprobes/list');
  return text === undefined ? undefined : parseKprobes(text);
}
