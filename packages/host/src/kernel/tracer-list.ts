// Functions that somebody traces, from `enabled_functions` of tracefs. One line each, as Linux 6.1 prints it:
//   cmdline_proc_show (2) R I   ->arch_ftrace_ops_list_func+0x0/0x1d0
//   sock_wfree (1) R      tramp: 0xffffffffc0304000 (kprobe_ftrace_handler+0x0/0x1b0) ->kprobe_ftrace_handler+0x0/0x1b0
// Flags: R saves registers, I changes where the function continues (only one such owner is allowed), D is a direct call.
// Source: Linux Documentation/trace/ftrace.rst, "enabled_functions".

import { type Machine, readText } from '../machine/machine.js';

const FILES = ['/sys/kernel/tracing/enabled_functions', '/sys/kernel/debug/tracing/enabled_functions'];

export interface TracedFunction {
  readonly name: string;
  /** `vmlinux` or the module's name. */
  readonly object: string;
  /** True when a tracer changes where the function continues. */
  readonly redirected: boolean;
  /** True when a BPF program or another direct caller sits on it. */
  readonly direct: boolean;
  /** The kernel's functions that are called, as far as the line names them. */
  readonly handlers: readonly string[];
}

/** Lines that are not understood are left out. */
export function parseTracedFunctions(text: string): readonly TracedFunction[] {
  const functions: TracedFunction[] = [];
  for (const line of text.split('\n')) {
    const [, name, module, flags, rest] = /^(\S+)(?: \[(\S+)\])? \(\d+\)([ A-Z]*)(.*)$/.exec(line) ?? [];
    if (name === undefined || flags === undefined || rest === undefined) continue;
    const handlers = [...rest.matchAll(/(?:\(|->)([A-Za-z_]\w*)\+0x/g)].flatMap(
      ([, handler]) => handler ?? [],
    );
    functions.push({
      name,
      object: module ?? 'vmlinux',
      redirected: flags.includes('I'),
      direct: flags.includes('D'),
      handlers: [...new Set(handlers)],
    });
  }
  return functions;
}

/** Undefined when tracefs is not mounted or not readable. */
export function readTracedFunctions(machine: Machine): readonly TracedFunction[] | undefined {
  for (const file of FILES) {
    const text = readText(machine, file);
    if (text !== undefined) return parseTracedFunctions(text);
  }
  return undefined;
}
