// The kernel's small text files, each with lines as a real 6.1.0-47-amd64 printed them, and with lines that are none.

import assert from 'node:assert';
import { test } from 'node:test';
import { parseLockdown, parsePackageVersion } from '../../src/kernel/environment.js';
import { parseKprobes } from '../../src/kernel/kprobe-list.js';
import { parsePatchedFunction } from '../../src/kernel/livepatch-list.js';
import { parseModules } from '../../src/kernel/module-list.js';
import { formatTask, parseStack } from '../../src/kernel/task-list.js';
import { parseTracedFunctions } from '../../src/kernel/tracer-list.js';

test('reads kprobes, kretprobes and their state', () => {
  const text = [
    'ffffffff9adb0850  r  sock_wfree+0x0    [DISABLED][FTRACE]',
    'ffffffffb14a6f72  k  do_exit+0x12    [OPTIMIZED]',
    'ffffffffc0100010  k  dummy_xmit+0x0  dummy [GONE]',
    'not a probe',
    '',
  ].join('\n');
  assert.deepEqual(parseKprobes(text), [
    { address: 0xffffffff9adb0850n, place: 'sock_wfree+0x0', kind: 'kretprobe', disabled: true },
    { address: 0xffffffffb14a6f72n, place: 'do_exit+0x12', kind: 'kprobe', disabled: false },
  ]);
});

test('reads who traces a function, and how', () => {
  const text = [
    'cmdline_proc_show (1) R    \ttramp: 0xffffffffc0304000 (kprobe_ftrace_handler+0x0/0x1b0) ->kprobe_ftrace_handler+0x0/0x1b0',
    'cmdline_proc_show (2) R I   ->arch_ftrace_ops_list_func+0x0/0x1d0',
    'sk_attach_filter (1)      \ttramp: 0xffffffffc0306000 (function_trace_call+0x0/0x120) ->function_trace_call+0x0/0x120',
    'dummy_xmit [dummy] (1)   I  \ttramp: 0xffffffffc02fc000 (klp_ftrace_handler+0x0/0x110) ->klp_ftrace_handler+0x0/0x110',
    'tcp_connect (1)     D\ttramp: ERROR!',
    '\tdirect-->bpf_trampoline_6442+0x0/0x1000',
    '',
  ].join('\n');
  assert.deepEqual(
    parseTracedFunctions(text).map((each) => ({ ...each, handlers: each.handlers.join() })),
    [
      traced('cmdline_proc_show', 'vmlinux', 'kprobe_ftrace_handler'),
      { ...traced('cmdline_proc_show', 'vmlinux', 'arch_ftrace_ops_list_func'), redirected: true },
      traced('sk_attach_filter', 'vmlinux', 'function_trace_call'),
      { ...traced('dummy_xmit', 'dummy', 'klp_ftrace_handler'), redirected: true },
      { ...traced('tcp_connect', 'vmlinux', ''), direct: true },
    ],
  );
});

function traced(name: string, object: string, handlers: string) {
  return { name, object, redirected: false, direct: false, handlers };
}

test('reads modules oldest first', () => {
  const text =
    'resplice_b 16384 1 - Loading 0xffffffffc02f7000 (OEK)\nloop 32768 0 - Live 0xffffffffc02ee000\nbad line\n';
  assert.deepEqual(parseModules(text), [
    { name: 'loop', state: 'live', references: 0 },
    { name: 'resplice_b', state: 'loading', references: 1 },
  ]);
});

test('reads the name of a patched function with its rank', () => {
  assert.deepEqual(parsePatchedFunction('init_once,3'), [{ name: 'init_once', rank: 3 }]);
  for (const entry of ['patched', 'f,', ',1', 'f,0', 'f,1x'])
    assert.deepEqual(parsePatchedFunction(entry), []);
});

test('reads the lockdown mode in brackets', () => {
  assert.equal(parseLockdown('[none] integrity confidentiality'), 'none');
  assert.equal(parseLockdown('none [integrity] confidentiality'), 'integrity');
  assert.equal(parseLockdown('none integrity [confidentiality]'), 'confidentiality');
  assert.equal(parseLockdown(''), 'none');
});

test('reads the package version out of uname -v', () => {
  assert.equal(parsePackageVersion('#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-05-08)'), '6.1.170-3');
  assert.equal(parsePackageVersion('#1 SMP'), undefined);
});

test('reads the frames of a stack, and names a thread by process and thread', () => {
  const stack = parseStack(
    '[<0>] do_wait+0x160/0x2f0\n[<ffffffff81000000>] kernel_wait4+0xb4/0x160\nnoise\n',
  );
  assert.deepEqual(stack, ['do_wait+0x160/0x2f0', 'kernel_wait4+0xb4/0x160']);
  assert.equal(formatTask({ pid: 7, tid: 7, command: 'cat', stack }), 'cat (pid 7)');
  assert.equal(formatTask({ pid: 7, tid: 9, command: 'cat', stack }), 'cat (pid 7, thread 9)');
});
