// Hardware virtualisation is believed only after it has booted the kernel at hand. /dev/kvm may exist and still hang or
// abort QEMU (nested and restricted hosts do), and asking it for its version does not show that. The trial is an ordinary guest
// without steps, so it uses the very arguments of the real one. The verdict is kept until this machine boots anew, gets
// another /dev/kvm or another QEMU.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { EnvironmentError, UsageError } from '@resplice/report';
import { makeCacheDirectory } from './cache-directory.js';
import type { Accelerator } from './guest.js';
import { runGuestOn } from './guest-run.js';
import { locateProgram } from './host-program.js';

const KVM = '/dev/kvm';
/** A working KVM needs a second or two. */
const PROBE_SECONDS = 20;

export interface ProbeOptions {
  readonly signal?: AbortSignal;
  /** Called before a trial boot; a verdict from the cache comes without. */
  readonly onProbe?: () => void;
}

/**
 * RESPLICE_ACCEL=kvm|tcg decides by itself. Else `kvm` only if a guest with `vmlinuz` (default: the running kernel's) has
 * booted with it; without a readable kernel to try, `tcg`.
 */
export async function probeAccelerator(
  vmlinuz = `/boot/vmlinuz-${release()}`,
  options: ProbeOptions = {},
): Promise<Accelerator> {
  const forced = process.env.RESPLICE_ACCEL;
  if (forced === 'kvm' || forced === 'tcg') return forced;
  if (forced !== undefined && forced !== '') {
    throw new UsageError(
      'accelerator',
      `RESPLICE_ACCEL is "${forced}"; set it to kvm or tcg, or leave it unset`,
    );
  }
  if (
    !(await isAccessible(KVM, constants.R_OK | constants.W_OK)) ||
    !(await isAccessible(vmlinuz, constants.R_OK))
  ) {
    return 'tcg';
  }
  const situation = await describeSituation();
  const cache = join(await makeCacheDirectory(), 'accelerator.json');
  const known = parseVerdict(await readFile(cache, 'utf8').catch(() => ''), situation);
  if (known !== undefined) return known;
  options.onProbe?.();
  const accelerator = await tryKvm(vmlinuz, options.signal);
  const draft = `${cache}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, JSON.stringify({ situation, accelerator }));
  await rename(draft, cache);
  return accelerator;
}

/** The cached verdict, if it is one and was made in the same situation. */
export function parseVerdict(text: string, situation: string): Accelerator | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Absent or damaged: the trial is made again, which is always right.
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { situation: made, accelerator } = value as {
    readonly situation?: unknown;
    readonly accelerator?: unknown;
  };
  if (made !== situation) return undefined;
  return accelerator === 'kvm' || accelerator === 'tcg' ? accelerator : undefined;
}

async function describeSituation(): Promise<string> {
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const device = await stat(KVM);
  const qemu = await stat(await locateProgram('qemu-system-x86_64'));
  return [bootId, device.rdev, device.ino, device.ctimeMs, qemu.ino, qemu.size, qemu.mtimeMs].join(' ');
}

async function tryKvm(vmlinuz: string, signal?: AbortSignal): Promise<Accelerator> {
  const abort = signal === undefined ? {} : { signal };
  try {
    const spec = {
      vmlinuz,
      files: [],
      steps: [],
      bootTimeoutSeconds: PROBE_SECONDS,
      timeoutSeconds: PROBE_SECONDS,
    };
    const { outcome } = await runGuestOn('kvm', { ...spec, ...abort });
    return outcome === 'completed' ? 'kvm' : 'tcg';
  } catch (error) {
    // QEMU refusing to run with KVM is the answer; a missing busybox is not.
    if (error instanceof EnvironmentError && error.code === 'qemu-failed') return 'tcg';
    throw error;
  }
}

async function isAccessible(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch {
    // Not there or not for us: either way nothing to probe with.
    return false;
  }
}
