// Starts QEMU so that it cannot outlive us and cannot be one too many, without files that somebody must clean up.
//
// - `setpriv --pdeathsig KILL`: the kernel ends QEMU when the thread that started it ends, SIGKILL of this process included.
//   The shell after it closes the gap in which that thread was gone before the request was made.
// - `flock --no-fork`: QEMU itself holds the lock of its place, so the lock lives exactly as long as QEMU. Lock files with a
//   process id would need detection of stale ones.
// - Serial ports are socket pairs from this process, and the initial RAM file system an unlinked file handed over by number.
// Rejected: QEMU's `-run-with exit-with-parent` (newer than Debian 12's QEMU), a watchdog process (can be killed as well).

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnvironmentError, InternalError, UsageError } from '@resplice/report';
import { makeCacheDirectory } from './cache-directory.js';
import type { Accelerator, GuestFirmware } from './guest.js';
import type { GuestDebugger } from './guest-debugger.js';
import { locateProgram } from './host-program.js';

/** Guests of one user at the same time, unless RESPLICE_VM_SLOTS says otherwise. */
const DEFAULT_SLOTS = 2;
const SLOT_POLL_MILLISECONDS = 500;
/** Exit status of flock when the slot is taken; QEMU's own are 0 and 1. */
const SLOT_TAKEN = 75;
/** After SIGKILL; a QEMU that hangs inside a broken KVM may stay for good. */
const KILL_GRACE_MILLISECONDS = 10_000;

/**
 * Ends QEMU's start-up when this process, $1, is gone already. The empty line on the result channel says that the slot is
 * ours; as a record it means nothing.
 */
const GUARD = '[ "$PPID" = "$1" ] || exit 76; shift; echo >&3; exec "$@"';
const RESULT_FD = 3;
const CONSOLE_FD = 4;
const INITRAMFS_FD = 5;
const DEBUG_FD = 6;

export interface QemuSpec {
  readonly vmlinuz: string;
  /** An open file, positioned anywhere; QEMU reads it by its own handle. */
  readonly initramfs: number;
  readonly accelerator: Accelerator;
  readonly commandLine: string;
  readonly memoryMb: number;
  readonly cpus: number;
  /** Only with tcg and one processor. */
  readonly instructionClock: boolean;
  readonly disk?: string | undefined;
  readonly firmware?: GuestFirmware | undefined;
  readonly network?: boolean | undefined;
  readonly debugger?: GuestDebugger | undefined;
  readonly onConsole: (chunk: Buffer) => void;
  readonly onResult: (chunk: Buffer) => void;
}

export interface QemuExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

export interface Qemu {
  readonly pid: number;
  /** Resolves when QEMU is gone and all its output was delivered. Never rejects. */
  readonly exit: Promise<QemuExit>;
  /** SIGKILL; `exit` resolves soon after, even if the process cannot die. */
  readonly kill: () => void;
}

/** Waits for a free slot (`onWaiting` is called once), then starts QEMU. */
export async function startQemu(spec: QemuSpec, signal?: AbortSignal, onWaiting?: () => void): Promise<Qemu> {
  const slots = readSlotCount();
  const directory = await makeCacheDirectory('slots');
  for (let attempt = 0; ; attempt += 1) {
    for (let slot = 0; slot < slots; slot += 1) {
      signal?.throwIfAborted();
      const qemu = await startInSlot(spec, join(directory, String(slot)));
      if (qemu !== undefined) return qemu;
    }
    if (attempt === 0) onWaiting?.();
    // An abort ends the sleep early; the check above then throws the signal's own reason.
    await sleep(SLOT_POLL_MILLISECONDS, undefined, signal && { signal }).catch(() => {});
  }
}

function readSlotCount(): number {
  const text = process.env.RESPLICE_VM_SLOTS;
  if (text === undefined || text === '') return DEFAULT_SLOTS;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError(
      'vm-slots',
      `RESPLICE_VM_SLOTS is "${text}"; set it to the number of guests that may run at once`,
    );
  }
  return count;
}

/** Returns undefined when another guest has the slot. */
async function startInSlot(spec: QemuSpec, slot: string): Promise<Qemu | undefined> {
  const [setpriv, flock, shell, program] = await Promise.all([
    locateProgram('setpriv'),
    locateProgram('flock'),
    locateProgram('sh'),
    locateProgram('qemu-system-x86_64'),
  ]);
  const args = [
    ...['--pdeathsig', 'KILL', '--'],
    ...[flock, '--nonblock', '--conflict-exit-code', String(SLOT_TAKEN), '--no-fork', slot],
    ...[shell, '-c', GUARD, 'sh', String(process.pid)],
    ...[program, ...encodeQemuArguments(spec)],
  ];
  const debug = spec.debugger === undefined ? 'ignore' : 'pipe';
  const child = spawn(setpriv, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', spec.initramfs, debug],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const holdsSlot = new Promise<boolean>((resolve) => {
    channel(child, RESULT_FD).once('data', () => resolve(true));
    child.once('close', () => resolve(false));
  });
  const qemu = superviseQemu(child, spec);
  if (await holdsSlot) {
    spec.debugger?.attach(channel(child, DEBUG_FD));
    return qemu;
  }
  const { code, stderr } = await qemu.exit;
  if (code === SLOT_TAKEN) return undefined;
  throw new EnvironmentError(
    'qemu-not-started',
    `cannot start ${program}: ${stderr.trim() || `exit status ${code}`}`,
  );
}

/** The machine of every guest. Serial port 0 is the kernel's console, port 1 carries results. */
export function encodeQemuArguments(spec: Omit<QemuSpec, 'onConsole' | 'onResult'>): readonly string[] {
  return [
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...encodeFirmware(spec.firmware),
    ...encodeAccelerator(spec),
    ...['-smp', String(spec.cpus), '-m', String(spec.memoryMb)],
    ...['-kernel', spec.vmlinuz, '-initrd', `/proc/self/fd/${INITRAMFS_FD}`, '-append', spec.commandLine],
    ...['-chardev', `socket,id=console,fd=${CONSOLE_FD}`, '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=result,fd=${RESULT_FD}`, '-serial', 'chardev:result'],
    ...(spec.debugger === undefined
      ? []
      : ['-chardev', `socket,id=debug,fd=${DEBUG_FD}`, '-gdb', 'chardev:debug']),
    ...(spec.disk === undefined ? [] : ['-drive', `${encodeFile(spec.disk)},if=virtio`]),
    ...(spec.network === true
      ? ['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile=']
      : []),
  ];
}

/** Variables that Secure Boot rests on are written in system management mode only, so that the guest's kernel cannot go past the firmware. */
function encodeFirmware(firmware: GuestFirmware | undefined): readonly string[] {
  if (firmware === undefined) return ['-machine', 'q35'];
  return [
    ...['-machine', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'],
    ...['-drive', `${encodeFile(firmware.code)},if=pflash,unit=0,readonly=on`],
    ...['-drive', `${encodeFile(firmware.variables)},if=pflash,unit=1`],
  ];
}

/** QEMU takes a comma in a value twice. */
function encodeFile(path: string): string {
  return `file=${path.replaceAll(',', ',,')},format=raw`;
}

/**
 * Both processors share one thread. With a thread each, QEMU before 8.1 sometimes keeps the translation of bytes that are being written
 * by the other processor: a kernel that changes its own text then meets a breakpoint that is no longer in memory, and panics
 * ("int3", where the dump shows the new bytes). docs/testing.md has such a dump.
 */
function encodeAccelerator({
  accelerator,
  instructionClock,
}: Pick<QemuSpec, 'accelerator' | 'instructionClock'>): readonly string[] {
  if (accelerator === 'kvm') return ['-accel', 'kvm', '-cpu', 'host'];
  const clock = instructionClock ? ['-icount', 'shift=0,sleep=off'] : [];
  return ['-accel', 'tcg,thread=single', '-cpu', 'max', ...clock];
}

function superviseQemu(child: ChildProcess, spec: QemuSpec): Qemu {
  let stderr = '';
  let killTimer: NodeJS.Timeout | undefined;
  let gone = false;
  const channels = [CONSOLE_FD, RESULT_FD, ...(spec.debugger === undefined ? [] : [DEBUG_FD])].map((fd) =>
    channel(child, fd),
  );
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4096);
  });
  channel(child, CONSOLE_FD).on('data', spec.onConsole);
  channel(child, RESULT_FD).on('data', spec.onResult);
  // A reset of the connection is QEMU's end, which `close` reports.
  for (const each of channels) each.on('error', () => {});
  const { promise: exit, resolve } = createExit();
  child.once('error', (error) => resolve({ code: null, signal: null, stderr: String(error) }));
  child.once('close', (code, signal) => {
    gone = true;
    clearTimeout(killTimer);
    resolve({ code, signal, stderr });
  });
  const kill = () => {
    if (gone) return;
    child.kill('SIGKILL');
    killTimer ??= setTimeout(() => {
      for (const each of channels) each.destroy();
      child.unref();
      resolve({ code: null, signal: null, stderr: `${stderr}\nQEMU did not end after SIGKILL` });
    }, KILL_GRACE_MILLISECONDS);
  };
  return { pid: child.pid ?? -1, exit, kill };
}

function createExit(): { readonly promise: Promise<QemuExit>; readonly resolve: (exit: QemuExit) => void } {
  let resolve: (exit: QemuExit) => void = () => {};
  const promise = new Promise<QemuExit>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function channel(child: ChildProcess, fd: number): Duplex {
  const stream = child.stdio[fd];
  if (!(stream instanceof Duplex)) throw new InternalError('qemu-channel', `QEMU has no channel ${fd}`);
  return stream;
}
