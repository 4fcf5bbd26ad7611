// Finds what a clean kernel log must not contain. Reports of several lines (a warning with its registers and its stack) become
// one complaint, because one line of an oops helps nobody. Grepping for "error" or "fail" was rejected: every boot has such
// lines that mean nothing ("RAS: Correctable Errors collector initialized"). The words come from the kernel's own source:
// kernel/panic.c, arch/x86/kernel/dumpstack.c, kernel/rcu/tree_stall.h, kernel/watchdog.c, kernel/hung_task.c,
// kernel/locking/lockdep.c, kernel/livepatch/, kernel/module/, kernel/trace/ftrace.c.

const CORRUPTION = /list_(add|del) corruption/;

/** First lines of reports of a kernel that did what it must never do. */
const FAULT_REPORTS: readonly RegExp[] = [
  /-+\[ (cut here|ftrace bug) \]-+/,
  /\bWARNING: /,
  /\bBUG: /,
  /\bkernel BUG at /,
  /\bOops\b/,
  // die(): "invalid opcode: 0000 [#1] PREEMPT SMP NOPTI"
  /: [0-9a-f]{4} \[#\d+\]/,
  /general protection fault/,
  /\bdouble fault\b/,
  /[Uu]nable to handle kernel/,
  /(detected|self-detected)( expedited)? stalls?\b/,
  /hard LOCKUP/,
];

/** First lines of reports that go on: the block after them belongs to them. */
const REPORTS: readonly RegExp[] = [
  ...FAULT_REPORTS,
  /Kernel panic - not syncing/,
  /kthread (starved|timer wakeup didn't happen)/,
  /INFO: task .* blocked for more than/,
  /possible (circular locking dependency|recursive locking|irq lock inversion)/,
  /(inconsistent lock state|bad unlock balance|suspicious RCU usage|trying to register non-static key)/,
  /\b(UBSAN|KASAN|KCSAN|KFENCE|KMSAN): /,
  /unchecked MSR access error/,
  /sysfs: cannot create duplicate filename/,
  /invoked oom-killer/,
  /\bCall Trace:/,
];

/** Lines that say so, wherever they stand in a report. */
const FAULTS: readonly RegExp[] = [...FAULT_REPORTS, CORRUPTION];

/** Complaints of one line. */
const LINES: readonly RegExp[] = [
  // Not "livepatch: 'x': patching complete" and the like. Reversing after a stall is no fault of the kernel either.
  /^livepatch: .*(fail|error|invalid|unresolv|incorrect|corrupt|refus|forcing|does(n't| not)|not (found|marked|compatible))/i,
  /Unknown symbol \S+ \(err/,
  /disagrees about version of symbol/,
  /version magic '.*' should be '/,
  /(Invalid|Skipping invalid) relocation target/,
  /overflow in relocation type/,
  /failed to validate module \[/,
  /unexpected (op at|static_call insn)/,
  /\bMissing ENDBR\b/,
  CORRUPTION,
  /Kernel memory (exposure|overwrite) attempt/,
  /stack-protector: /,
  /\[Hardware Error\]/,
];

/** Checked first: lines that look bad and are not. */
const INNOCENT: readonly RegExp[] = [
  // Both repeat words of the caller's: step names and kernel parameters.
  /^resplice-vm: /,
  /^(Kernel c|C)ommand line: /,
  // Any unsigned or out-of-tree module, and every live patch, leaves these notices.
  /module verification failed/,
  /loading out-of-tree module taints kernel/,
  /tainting kernel with TAINT_LIVEPATCH/,
  // Advice about the processor at boot (arch/x86/kernel/cpu/bugs.c), as in "Spectre V2 : WARNING: Unprivileged eBPF …".
  /^(Spectre V2|MDS|TAA|MMIO Stale Data|SRBDS|RETBleed|Speculative Return Stack Overflow|L1TF)\b.*:/,
  // A user program's fault: "traps: probe[71] general protection fault ip:…"
  /^traps: \S+\[\d+\] /,
];

/** `[    1.234567] ` with or without the caller's id, `[    1.234567][   T71] `. */
const STAMP = /^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?/;
const END_OF_REPORT = /---\[ end (trace|Kernel panic)/;
/** Lines that open the next report rather than continue one. */
const START_OF_REPORT = /-+\[ cut here \]-+/;
const LONGEST_REPORT = 100;
/** Inside a report the lines come within microseconds; lines after such a pause (seconds) are something else. */
const PAUSE_SECONDS = 0.5;

/**
 * Every complaint as its lines, with time stamps, joined by newlines; in the order of the log. An empty list is a clean log.
 * `kernelLog` is the text of `dmesg` or of a serial console.
 */
export function findKernelComplaints(kernelLog: string): readonly string[] {
  const lines = kernelLog.split('\n').map((line) => line.replace(/\r$/, ''));
  const complaints: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const text = textOf(lines[at]);
    if (isInnocent(text) || !(matches(REPORTS, text) || matches(LINES, text))) {
      at += 1;
      continue;
    }
    const end = matches(REPORTS, text) ? findReportEnd(lines, at) : at + 1;
    complaints.push(lines.slice(at, end).join('\n'));
    at = end;
  }
  return complaints;
}

/**
 * Of the complaints, those that say the kernel itself went wrong. Not the others, which come about on a sound kernel under load (no
 * memory left, a disk that takes minutes) or only say that a module was refused.
 */
export function findKernelFaults(kernelLog: string): readonly string[] {
  return findKernelComplaints(kernelLog).filter((complaint) =>
    complaint.split('\n').some((line) => matches(FAULTS, textOf(line))),
  );
}

/** What a complaint says, whenever and wherever: up to the line that names the place in the source, without time, processor and task. */
export function wordsOfComplaint(complaint: string): string {
  const lines = complaint.split('\n').map((line) => textOf(line).replace(/\bCPU: \d+ PID: \d+ /, ''));
  const place = lines.findIndex((line) => /^(?:WARNING|BUG): /.test(line));
  return lines.slice(0, Math.max(place, 0) + 1).join('\n');
}

/** The index after the report's last line. */
function findReportEnd(lines: readonly string[], start: number): number {
  const limit = Math.min(lines.length, start + LONGEST_REPORT);
  let time = timeOf(lines[start]);
  for (let at = start + 1; at < limit; at += 1) {
    const line = lines[at];
    const text = textOf(line);
    const nextTime = timeOf(line) ?? time;
    const paused = time !== undefined && nextTime !== undefined && nextTime - time > PAUSE_SECONDS;
    if (text === '' || paused || START_OF_REPORT.test(text) || isInnocent(text)) return at;
    if (END_OF_REPORT.test(text)) return at + 1;
    time = nextTime;
  }
  return limit;
}

function textOf(line: string | undefined): string {
  return (line ?? '').replace(STAMP, '');
}

function timeOf(line: string | undefined): number | undefined {
  const time = /^(?:<\d+>)?\[ *(\d+\.\d+)\]/.exec(line ?? '')?.[1];
  return time === undefined ? undefined : Number(time);
}

function isInnocent(text: string): boolean {
  return matches(INNOCENT, text);
}

function matches(patterns: readonly RegExp[], text: string): boolean {
  return patterns.some((pattern) => pattern.test(text));
}
