import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findKernelComplaints, wordsOfComplaint } from '../src/kernel-complaint.js';

function log(...lines: readonly string[]): string {
  return lines.map((line, index) => `[    5.10${String(index).padStart(4, '0')}] ${line}\n`).join('');
}

test('an ordinary boot with a live patch is clean', () => {
  const text = log(
    'Linux version 6.1.0-47-amd64 (debian-kernel@lists.debian.org)',
    'Command line: console=ttyS0 oops=panic dyndbg="BUG: x"',
    'Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible via Spectre v2 BHB attacks!',
    'rcu: \tRCU CPU stall warnings timeout set to 120 (rcu_cpu_stall_timeout).',
    'PCI: Using host bridge windows from ACPI; if necessary, use "pci=nocrs" and report a bug',
    'AMD-Vi: AMD IOMMUv2 functionality not available on this system - This is not a bug.',
    'RAS: Correctable Errors collector initialized.',
    'resplice-vm: step 1 starts: WARNING: BUG: Oops',
    'resplice_fix: loading out-of-tree module taints kernel.',
    'resplice_livepatch: module verification failed: signature and/or required key missing - tainting kernel',
    'resplice_fix: tainting kernel with TAINT_LIVEPATCH',
    "livepatch: enabling patch 'resplice_fix'",
    "livepatch: 'resplice_fix': starting patching transition",
    'livepatch: signaling remaining tasks',
    "livepatch: 'resplice_fix': reversing transition from patching to unpatching",
    "livepatch: 'resplice_fix': patching complete",
    'probe[71]: segfault at 0 ip 0000000000401136 sp 00007ffc5a error 6 in probe[401000+1000]',
    'traps: probe[72] general protection fault ip:401136 sp:7ffc5a error:0 in probe[401000+1000]',
    "clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large:",
  );
  assert.deepEqual(findKernelComplaints(text), []);
});

test('a warning comes with its registers and its stack, up to its end', () => {
  const report = [
    '------------[ cut here ]------------',
    'WARNING: CPU: 0 PID: 99 at kernel/livepatch/core.c:931 klp_init_object_loaded+0x1f/0x90',
    'Modules linked in: resplice_fix(OEK+)',
    'CPU: 0 PID: 99 Comm: insmod Tainted: G           OE K    6.1.0-47-amd64 #1  Debian 6.1.170-3',
    'RIP: 0010:klp_init_object_loaded+0x1f/0x90',
    'Call Trace:',
    ' <TASK>',
    ' klp_enable_patch+0x201/0x7a0',
    ' </TASK>',
    '---[ end trace 0000000000000000 ]---',
  ];
  const complaints = findKernelComplaints(log('before', ...report, 'after'));
  assert.equal(complaints.length, 1);
  const lines = complaints[0]?.split('\n') ?? [];
  assert.equal(lines.length, report.length);
  assert.match(lines[0] ?? '', /^\[ {4}5\.10\d+\] -+\[ cut here/);
  assert.match(lines.at(-1) ?? '', /end trace/);
});

test('two reports one after the other are two complaints', () => {
  const warning = [
    '------------[ cut here ]------------',
    'WARNING: CPU: 1 PID: 1 at mm/slub.c:1',
    'RIP: 0010:x+0x1/0x2',
  ];
  assert.equal(findKernelComplaints(log(...warning, ...warning)).length, 2);
});

test('a report ends where the log pauses', () => {
  const text = '[    1.000000] WARNING: something\n[    1.000100]  detail\n[    9.000000] unrelated\n';
  assert.deepEqual(findKernelComplaints(text), ['[    1.000000] WARNING: something\n[    1.000100]  detail']);
});

const COMPLAINTS: readonly string[] = [
  'BUG: unable to handle page fault for address: ffffffffc0a01000',
  'BUG: kernel NULL pointer dereference, address: 0000000000000010',
  'BUG: scheduling while atomic: insmod/99/0x00000002',
  'BUG: sleeping function called from invalid context at mm/slab.h:420',
  'kernel BUG at mm/slub.c:4121!',
  'Oops: 0002 [#1] PREEMPT SMP NOPTI',
  'invalid opcode: 0000 [#1] PREEMPT SMP NOPTI',
  'int3: 0000 [#1] PREEMPT SMP NOPTI',
  'general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#1] PREEMPT SMP',
  'Kernel panic - not syncing: Fatal exception',
  'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
  'rcu: INFO: rcu_preempt self-detected stall on CPU',
  'rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-... } 22 jiffies s: 57 root: 0x2/.',
  'rcu: rcu_preempt kthread starved for 5252 jiffies! g-1191 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=0',
  'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [insmod:99]',
  'NMI watchdog: Watchdog detected hard LOCKUP on cpu 0',
  'INFO: task kworker/0:1:12 blocked for more than 120 seconds.',
  'WARNING: possible circular locking dependency detected',
  'INFO: trying to register non-static key.',
  'UBSAN: array-index-out-of-bounds in net/core/sock.c:1:2',
  'Call Trace:',
  "livepatch: patch 'resplice_fix' failed for module 'nf_tables', refusing to load module 'nf_tables'",
  "livepatch: symbol 'sk_foo' not found in symbol table",
  "livepatch: unresolvable ambiguity for symbol 'cleanup' in object 'vmlinux'",
  "livepatch: failed to register ftrace handler for function 'raw_sendmsg' (-16)",
  'livepatch: module resplice_fix is not marked as a livepatch module',
  'resplice_fix: Unknown symbol sk_attach_filter (err -2)',
  'resplice_fix: disagrees about version of symbol module_layout',
  "resplice_fix: version magic '6.1.0 SMP' should be '6.1.0-47-amd64 SMP preempt mod_unload modversions '",
  'x86/modules: Skipping invalid relocation target, existing value is nonzero for type 1, loc 0000000000000001, val 1',
  '------------[ ftrace bug ]------------',
  'traps: Missing ENDBR: raw_sendmsg+0x0/0x10',
  'list_add corruption. next->prev should be prev (ffff), but was 0000',
  'eater invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0',
];

for (const line of COMPLAINTS) {
  test(`complains about "${line.slice(0, 60)}"`, () => {
    assert.equal(findKernelComplaints(log('a line before', line)).length, 1);
    assert.equal(findKernelComplaints(`[    1.000000][   T71] ${line}\r\n`).length, 1);
  });
}

test('an empty log is clean, and one without time stamps is read too', () => {
  assert.deepEqual(findKernelComplaints(''), []);
  assert.equal(findKernelComplaints('BUG: unable to handle page fault\n').length, 1);
});

test('two reports of one place say the same, whichever task, processor and time; of another place they do not', () => {
  const report = (time: number, task: string, place: string) =>
    [
      '------------[ cut here ]------------',
      `WARNING: ${task} at ${place}`,
      `${task} Comm: cryptomgr_test Tainted: G`,
    ]
      .map((line) => `[    ${time}.000000] ${line}`)
      .join('\n');
  const one = wordsOfComplaint(report(1, 'CPU: 0 PID: 231', 'crypto/testmgr.c:5907 alg_test.cold+0x7c/0xf5'));
  assert.equal(
    one,
    '------------[ cut here ]------------\nWARNING: at crypto/testmgr.c:5907 alg_test.cold+0x7c/0xf5',
  );
  assert.equal(
    wordsOfComplaint(report(9, 'CPU: 1 PID: 7', 'crypto/testmgr.c:5907 alg_test.cold+0x7c/0xf5')),
    one,
  );
  assert.notEqual(wordsOfComplaint(report(1, 'CPU: 0 PID: 231', 'kernel/fork.c:1 copy+0x1/0x2')), one);
});
