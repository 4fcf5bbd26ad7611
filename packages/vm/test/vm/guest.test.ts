// One boot checks all that a guest which lives can show; the others are about guests that do not.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { before, describe, test } from 'node:test';
import {
  findKernelComplaints,
  type GuestEvent,
  type GuestResult,
  type GuestStep,
  runGuest,
  type StepResult,
} from '../../src/index.js';
import { findTestKernel, findTestModules } from './kernel.js';

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
const LONG_LINE_COUNT = 20_000;

function shell(name: string, script: string, options: Partial<GuestStep> = {}): GuestStep {
  return { name, argv: ['sh', '-c', script], ...options };
}

function findStep(result: GuestResult, name: string): StepResult {
  const step = result.steps.find((each) => each.name === name);
  assert.ok(step, `step ${name} was not run: ${result.outcome} ${result.explanation}\n${result.console}`);
  return step;
}

const STEPS: readonly GuestStep[] = [
  shell('both streams', 'echo out; echo err >&2; exit 3'),
  { name: 'every byte', argv: ['cat', '/data/every-byte'] },
  shell('much', `i=0; while [ $i -lt ${LONG_LINE_COUNT} ]; do echo $i; i=$((i+1)); done`),
  { name: 'arguments', argv: ['printf', '[%s]', "it's", '$HOME', 'a  b', ''] },
  shell('environment', 'echo "$GREETING"', { env: { GREETING: "it's\n$me" } }),
  { name: 'root', argv: ['id'] },
  { name: 'user', argv: ['id'], uid: 1000 },
  shell('user writes', 'echo x >/proc/sys/kernel/panic', { uid: 1000 }),
  shell('segmentation fault', 'kill -SEGV $$'),
  shell('exit 139', 'exit 139'),
  { name: 'missing program', argv: ['no-such-program'] },
  shell('too slow', 'echo before; sleep 1000 & sleep 1000', { timeoutSeconds: 1 }),
  shell('half a line', 'printf "done 99 " >/vm/run/events'),
  shell('beside', 'while [ ! -e /tmp/flag ]; do sleep 0.1; done; echo seen', { background: true }),
  { name: 'daemon', argv: ['sleep', '1000'], background: 'until-end' },
  shell('flag', 'touch /tmp/flag', { uid: 1000 }),
  { name: 'modprobe', argv: ['modprobe', 'nf_tables'] },
  { name: 'lsmod', argv: ['lsmod'] },
  shell('unload and insert', 'rmmod nf_tables && insmod /lib/modules/*/kernel/net/netfilter/nf_tables.ko'),
  { name: 'no such module', argv: ['modprobe', 'no_such_module'] },
  { name: 'node', argv: ['node', '-p', 'process.version'] },
  shell(
    'mounts',
    'ls -d /proc/1 /sys/kernel/livepatch /sys/kernel/debug/kprobes /sys/kernel/tracing/events /dev/null',
  ),
  shell('network', 'ip -o addr show lo; hostname'),
  shell('release', 'uname -r'),
  shell('kernel log', 'echo "<4>a line for the log" >/dev/kmsg'),
];

describe('a guest that lives', () => {
  let result: GuestResult;
  const events: GuestEvent[] = [];

  before(async () => {
    result = await runGuest({
      vmlinuz: findTestKernel(),
      modules: { directory: findTestModules(), names: ['nf_tables', 'dummy'] },
      files: [{ path: '/data/every-byte', source: { bytes: EVERY_BYTE } }],
      withNode: true,
      steps: STEPS,
      onEvent: (event) => events.push(event),
    });
  });

  const step = (name: string) => findStep(result, name);

  test('all steps are run in their order, and the outcome is completed', () => {
    assert.equal(result.explanation, '');
    assert.equal(result.outcome, 'completed');
    assert.deepEqual(
      result.steps.map(({ name }) => name),
      STEPS.map(({ name }) => name),
    );
  });

  test('exit code, stdout and stderr are told apart', () => {
    const { exitCode, signal, stdout, stderr } = step('both streams');
    assert.deepEqual([exitCode, signal, stdout, stderr], [3, null, 'out\n', 'err\n']);
  });

  test('any byte and much output come through unchanged', () => {
    assert.deepEqual(Buffer.from(step('every byte').stdoutBytes), EVERY_BYTE);
    assert.equal(
      step('much').stdout,
      Array.from({ length: LONG_LINE_COUNT }, (_, index) => `${index}\n`).join(''),
    );
    assert.equal(step('much').truncated, false);
  });

  test('arguments and variables reach the program unchanged', () => {
    assert.equal(step('arguments').stdout, "[it's][$HOME][a  b][]");
    assert.equal(step('environment').stdout, "it's\n$me\n");
  });

  test('a step runs with the ids it was given and nothing more', () => {
    assert.match(step('root').stdout, /^uid=0\(root\) gid=0\(root\)/);
    assert.equal(step('user').stdout, 'uid=1000(user1000) gid=1000(user1000)\n');
    assert.notEqual(step('user writes').exitCode, 0);
  });

  test('a signal is told apart from the exit code that looks like it', () => {
    assert.deepEqual(
      [step('segmentation fault').exitCode, step('segmentation fault').signal],
      [null, 'SIGSEGV'],
    );
    assert.deepEqual([step('exit 139').exitCode, step('exit 139').signal], [139, null]);
  });

  test('a program that is not in the guest is exit code 127 with a message', () => {
    assert.equal(step('missing program').exitCode, 127);
    assert.match(step('missing program').stderr, /no-such-program/);
  });

  test('a step over its time is ended with all its processes and keeps its output, and the log says who hangs', () => {
    const { timedOut, exitCode, signal, stdout } = step('too slow');
    assert.deepEqual([timedOut, exitCode, signal, stdout], [true, null, 'SIGKILL', 'before\n']);
    assert.match(result.kernelLog, /sysrq: Show Blocked State/);
  });

  test('a step that is over is noticed though half a line is in the way of what says so', () => {
    assert.deepEqual([step('half a line').exitCode, step('half a line').timedOut], [0, false]);
  });

  test('background steps run beside the others and are collected', () => {
    assert.deepEqual([step('beside').exitCode, step('beside').stdout], [0, 'seen\n']);
    assert.deepEqual([step('daemon').signal, step('daemon').timedOut], ['SIGTERM', false]);
  });

  test('modules load with what they need, by symbol and by soft dependency', () => {
    assert.equal(step('modprobe').exitCode, 0, step('modprobe').stderr);
    assert.match(step('lsmod').stdout, /^nf_tables /m);
    assert.match(step('lsmod').stdout, /^nfnetlink .* nf_tables$/m);
    assert.equal(step('unload and insert').exitCode, 0, step('unload and insert').stderr);
    assert.notEqual(step('no such module').exitCode, 0);
  });

  test('node runs in the guest', () => {
    assert.equal(step('node').stdout, `${process.version}\n`);
  });

  test('the usual file systems, the loopback network and the right kernel are there', () => {
    assert.equal(step('mounts').exitCode, 0, step('mounts').stderr);
    assert.match(step('network').stdout, /127\.0\.0\.1\/8/);
    assert.match(step('network').stdout, /resplice-guest/);
    assert.equal(step('release').stdout, `${basename(findTestModules())}\n`);
  });

  test('the kernel log is whole and has no complaints', () => {
    assert.match(result.kernelLog, /^\[ {4}0\.000000\] Linux version /);
    assert.match(result.kernelLog, /a line for the log/);
    assert.deepEqual(findKernelComplaints(result.kernelLog), []);
  });

  test('events come in the order of what happens', () => {
    const kinds = events.map(({ type }) => type).filter((type) => type !== 'console');
    const wanted = ['started', 'booted', 'step-started', 'step-finished'] as const;
    assert.deepEqual(
      wanted.map((type) => kinds.indexOf(type)),
      wanted.map((type) => kinds.indexOf(type)).toSorted((a, b) => a - b),
    );
    assert.equal(kinds.filter((type) => type === 'step-finished').length, STEPS.length);
  });
});

describe('a guest that dies', () => {
  const vmlinuz = () => findTestKernel();

  test('a crash of the kernel is a panic, and what was printed before is kept', async () => {
    const steps = [
      shell('harmless', 'echo fine'),
      shell('crash', 'echo last words; sleep 3; echo c >/proc/sysrq-trigger'),
    ];
    const result = await runGuest({
      vmlinuz: vmlinuz(),
      files: [],
      steps: [...steps, shell('never', 'true')],
    });
    assert.equal(result.outcome, 'panicked');
    assert.match(result.explanation, /sysrq triggered crash/);
    assert.equal(findStep(result, 'harmless').exitCode, 0);
    const crash = findStep(result, 'crash');
    assert.deepEqual(
      [crash.exitCode, crash.signal, crash.timedOut, crash.stdout],
      [null, null, false, 'last words\n'],
    );
    assert.equal(result.steps.length, 2);
    assert.match(result.kernelLog, /Linux version .*\n(.*\n)*.*Kernel panic - not syncing/);
    assert.match(findKernelComplaints(result.kernelLog).join('\n'), /Kernel panic/);
  });

  test('a guest that switches itself off is lost, not completed', async () => {
    const steps = [shell('off', '/vm/bin/busybox poweroff -f; sleep 100')];
    const result = await runGuest({ vmlinuz: vmlinuz(), files: [], steps });
    assert.equal(result.outcome, 'lost');
    assert.match(result.explanation, /before the guest had reported its end/);
  });

  test('a guest over its time limit is timed-out, a damaged report is lost', async () => {
    const steps = [shell('noise', 'echo noise >/dev/ttyS1'), shell('endless', 'sleep 1000')];
    const spec = { vmlinuz: vmlinuz(), files: [] };
    const slow = await runGuest({ ...spec, steps, timeoutSeconds: 3 });
    assert.equal(slow.outcome, 'timed-out');
    assert.equal(findStep(slow, 'noise').exitCode, 0);
    const damaged = await runGuest({ ...spec, steps: steps.slice(0, 1) });
    assert.equal(damaged.outcome, 'lost');
    assert.match(damaged.explanation, /noise/);
  });

  test('an abort or a listener that throws ends QEMU and rejects', async () => {
    const spec = { vmlinuz: vmlinuz(), files: [], steps: [] };
    for (const way of ['abort', 'listener']) {
      let pid = 0;
      const controller = new AbortController();
      const onEvent = (event: GuestEvent) => {
        if (event.type === 'started') pid = event.pid;
        if (event.type !== 'console') return;
        if (way === 'listener') throw new RangeError('enough');
        controller.abort(new RangeError('enough'));
      };
      await assert.rejects(runGuest({ ...spec, onEvent, signal: controller.signal }), RangeError, way);
      assert.equal(existsSync(`/proc/${pid}`), false, way);
    }
  });

  test('a file that is no kernel, or is not there, is an error of the caller that names it', async () => {
    const spec = { files: [], steps: [] };
    await assert.rejects(runGuest({ ...spec, vmlinuz: '/no/such/kernel' }), {
      code: 'kernel-unreadable',
      message: /\/no\/such\/kernel/,
    });
    await assert.rejects(runGuest({ ...spec, vmlinuz: process.execPath }), { code: 'qemu-failed' });
  });

  test('a module the kernel does not have is named', async () => {
    const modules = { directory: findTestModules(), names: ['no_such_module'] };
    const run = runGuest({ vmlinuz: vmlinuz(), files: [], steps: [], modules });
    await assert.rejects(run, { code: 'module-unknown', message: /no_such_module/ });
  });
});
