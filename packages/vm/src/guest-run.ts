// Boots a kernel with a step list and reports what happened. The whole life of a guest is here; how its files, its QEMU and
// its messages look is in the files imported. Stages: accelerator known → initial RAM file system written → slot free and
// QEMU started → booted → steps → end. Only the host's own failings are exceptions.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, type FileHandle, mkdtemp, open, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvironmentError, UsageError } from '@resplice/report';
import { ConsoleLog } from './console-log.js';
import { writeCpio } from './cpio.js';
import type { Accelerator, GuestEvent, GuestOutcome, GuestResult, GuestSpec } from './guest.js';
import { collectInitramfs } from './initramfs.js';
import { stageModules } from './module-tree.js';
import { type Qemu, type QemuExit, startQemu } from './qemu.js';
import { ResultChannel } from './result-channel.js';

const DEFAULT_MEMORY_MB = 1024;
const DEFAULT_CPUS = 2;
const DEFAULT_BOOT_TIMEOUT_SECONDS = 180;
const DEFAULT_TIMEOUT_SECONDS = 900;
const MEBIBYTE = 1024 * 1024;

// The kernel's own log must be whole at the end, and reach the console at once if there is no end. Stalls are reported
// late, because an emulated CPU on a busy machine stands still for seconds without anything being wrong.
const COMMAND_LINE = [
  'console=ttyS0 ignore_loglevel panic=-1 log_buf_len=8M',
  // An emulated timer is late on a busy host, and the kernel then gives up: "IO-APIC + timer doesn't work!"
  'no_timer_check',
  'watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120 random.trust_cpu=on',
].join(' ');

/** `runGuest` (run-guest.ts) without the choice of the accelerator. */
export async function runGuestOn(accelerator: Accelerator, spec: GuestSpec): Promise<GuestResult> {
  spec.signal?.throwIfAborted();
  await assertReadable(spec.vmlinuz);
  const initramfs = await openUnlinkedFile();
  try {
    const size = await writeInitramfs(spec, initramfs);
    const run = new GuestRun(accelerator, spec);
    return await run.follow(initramfs.fd, chooseMemory(spec, size));
  } finally {
    await initramfs.close();
  }
}

class GuestRun {
  readonly #accelerator: Accelerator;
  readonly #spec: GuestSpec;
  readonly #channel: ResultChannel;
  readonly #console: ConsoleLog;
  #qemu: Qemu | undefined;
  #startedAt = 0;
  #bootMilliseconds: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #expired: string | undefined;
  #listenerError: { readonly error: unknown } | undefined;

  constructor(accelerator: Accelerator, spec: GuestSpec) {
    this.#accelerator = accelerator;
    this.#spec = spec;
    this.#console = new ConsoleLog((line) => this.#emit({ type: 'console', line }));
    this.#channel = new ResultChannel(spec.steps, {
      booted: () => this.#onBooted(),
      stepStarted: (index) => {
        const step = spec.steps[index];
        if (step !== undefined) this.#emit({ type: 'step-started', index, step });
      },
      stepFinished: (index, result) => this.#emit({ type: 'step-finished', index, result }),
      ended: () => this.#qemu?.kill(),
    });
  }

  async follow(initramfs: number, memoryMb: number): Promise<GuestResult> {
    const { signal } = this.#spec;
    const qemu = await startQemu(this.#describeMachine(initramfs, memoryMb), signal, () =>
      this.#emit({ type: 'waiting' }),
    );
    this.#qemu = qemu;
    this.#startedAt = Date.now();
    this.#emit({ type: 'started', accelerator: this.#accelerator, pid: qemu.pid });
    const bootTimeout = this.#spec.bootTimeoutSeconds ?? DEFAULT_BOOT_TIMEOUT_SECONDS;
    this.#limit(bootTimeout, `the kernel did not reach the first step within ${bootTimeout} s`);
    signal?.addEventListener('abort', qemu.kill);
    try {
      if (signal?.aborted || this.#listenerError !== undefined) qemu.kill();
      const exit = await qemu.exit;
      signal?.throwIfAborted();
      if (this.#listenerError !== undefined) throw this.#listenerError.error;
      return this.#describeResult(exit);
    } finally {
      clearTimeout(this.#timer);
      signal?.removeEventListener('abort', qemu.kill);
    }
  }

  #describeMachine(initramfs: number, memoryMb: number) {
    const oops = this.#spec.panicOnOops === false ? '' : ' oops=panic';
    const extra = this.#spec.commandLine === undefined ? '' : ` ${this.#spec.commandLine}`;
    return {
      vmlinuz: this.#spec.vmlinuz,
      initramfs,
      accelerator: this.#accelerator,
      commandLine: `${COMMAND_LINE}${oops}${extra}`,
      memoryMb,
      cpus: this.#spec.instructionClock ? 1 : (this.#spec.cpus ?? DEFAULT_CPUS),
      instructionClock: this.#spec.instructionClock ?? false,
      disk: this.#spec.disk,
      firmware: this.#spec.firmware,
      network: this.#spec.network,
      debugger: this.#spec.debugger,
      onConsole: (chunk: Buffer) => this.#console.push(chunk),
      onResult: (chunk: Buffer) => this.#channel.push(chunk),
    };
  }

  #onBooted(): void {
    this.#bootMilliseconds = Date.now() - this.#startedAt;
    const timeout = this.#spec.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    this.#limit(timeout, `the steps were not over within ${timeout} s`);
    this.#emit({ type: 'booted', milliseconds: this.#bootMilliseconds });
  }

  #limit(seconds: number, text: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#expired = text;
      this.#qemu?.kill();
    }, seconds * 1000);
  }

  /** A listener that throws ends the guest, and `follow` throws its error: it may be an assertion of a test. */
  #emit(event: GuestEvent): void {
    try {
      this.#spec.onEvent?.(event);
    } catch (error) {
      this.#listenerError ??= { error };
      this.#qemu?.kill();
    }
  }

  #describeResult(exit: QemuExit): GuestResult {
    const console = this.#console.text();
    if (console === '' && !this.#channel.booted && this.#expired === undefined) {
      const reason = exit.stderr.trim() || `it ended with ${describeExit(exit)} and without a message`;
      throw new EnvironmentError(
        'qemu-failed',
        `QEMU could not run ${this.#spec.vmlinuz} with ${this.#accelerator}: ${reason}`,
      );
    }
    const { outcome, explanation } = this.#judge(exit);
    return {
      accelerator: this.#accelerator,
      outcome,
      explanation,
      steps: this.#channel.results(),
      kernelLog: this.#channel.ended ? this.#channel.kernelLog : console,
      console,
      bootMilliseconds: this.#bootMilliseconds ?? Date.now() - this.#startedAt,
    };
  }

  #judge(exit: QemuExit): { readonly outcome: GuestOutcome; readonly explanation: string } {
    if (this.#channel.ended) {
      const [problem] = this.#channel.problems;
      if (problem === undefined) return { outcome: 'completed', explanation: '' };
      return { outcome: 'lost', explanation: `the guest's report arrived damaged (${problem})` };
    }
    const panic = this.#console.findPanic();
    if (panic !== undefined) return { outcome: 'panicked', explanation: panic };
    if (this.#expired !== undefined) return { outcome: 'timed-out', explanation: this.#expired };
    const stderr = exit.stderr.trim();
    const words = `QEMU ended with ${describeExit(exit)} before the guest had reported its end`;
    return { outcome: 'lost', explanation: stderr === '' ? words : `${words}: ${stderr}` };
  }
}

function describeExit({ code, signal }: QemuExit): string {
  return signal === null ? `exit status ${code ?? 'unknown'}` : `signal ${signal}`;
}

async function writeInitramfs(spec: GuestSpec, output: FileHandle): Promise<number> {
  if (spec.modules === undefined) return writeCpio(output, await collectInitramfs(spec));
  const staging = await mkdtemp(join(tmpdir(), 'resplice-vm-'));
  try {
    await stageModules(spec.modules, staging);
    return await writeCpio(output, await collectInitramfs(spec, staging));
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** The archive and the files unpacked from it exist side by side, and the files may fill half of the memory. */
function chooseMemory(spec: GuestSpec, archiveSize: number): number {
  const needed = Math.ceil((2 * archiveSize) / MEBIBYTE) + 256;
  if (spec.memoryMb === undefined) return Math.max(DEFAULT_MEMORY_MB, needed);
  if (spec.memoryMb >= needed) return spec.memoryMb;
  throw new UsageError(
    'guest-memory',
    `${spec.memoryMb} MB of memory cannot hold the guest's files; give it at least ${needed} MB`,
  );
}

async function assertReadable(vmlinuz: string): Promise<void> {
  try {
    await access(vmlinuz, constants.R_OK);
  } catch (error) {
    throw new EnvironmentError(
      'kernel-unreadable',
      `cannot read the kernel ${vmlinuz}; check the path and its permissions`,
      {
        context: { vmlinuz },
        cause: error,
      },
    );
  }
}

/** A file without a name leaves nothing behind, however we end. */
async function openUnlinkedFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `resplice-initramfs-${randomBytes(8).toString('hex')}`);
  const handle = await open(path, 'wx+', 0o600);
  await unlink(path);
  return handle;
}
