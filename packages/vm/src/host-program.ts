// Programs of the host that the runner calls. A missing one is named together with the Debian package that has it, because
// "spawn qemu-system-x86_64 ENOENT" does not say what to install.

import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { EnvironmentError } from '@resplice/report';

const execFileAsync = promisify(execFile);

/** Program → Debian package. */
const PACKAGES = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  kmod: 'kmod',
  depmod: 'kmod',
  modprobe: 'kmod',
  ldd: 'libc-bin',
  flock: 'util-linux',
  setpriv: 'util-linux',
  xz: 'xz-utils',
  zstd: 'zstd',
  sh: 'dash',
} as const;

export type HostProgram = keyof typeof PACKAGES;

/** Everything a guest needs on the host, for a check before any work. `xz` and `zstd` matter to compressed modules only. */
export const REQUIRED_PROGRAMS = [
  'qemu-system-x86_64',
  'busybox',
  'kmod',
  'depmod',
  'modprobe',
  'ldd',
  'flock',
  'setpriv',
  'sh',
] as const satisfies readonly HostProgram[];

export interface MissingProgram {
  readonly program: HostProgram;
  readonly debianPackage: string;
}

/** What `runGuest` would miss on this machine. */
export async function findMissingPrograms(): Promise<readonly MissingProgram[]> {
  const found = await Promise.all(REQUIRED_PROGRAMS.map(findProgram));
  return REQUIRED_PROGRAMS.filter((_, index) => found[index] === undefined).map((program) => ({
    program,
    debianPackage: PACKAGES[program],
  }));
}

/** The program's absolute path. Throws EnvironmentError `program-missing`. */
export async function locateProgram(program: HostProgram): Promise<string> {
  const path = await findProgram(program);
  if (path !== undefined) return path;
  const debianPackage = PACKAGES[program];
  throw new EnvironmentError(
    'program-missing',
    `${program} is needed to run a guest and was not found; install the package ${debianPackage}`,
    { context: { program, package: debianPackage } },
  );
}

/** Runs the program to its end and returns its output. Throws EnvironmentError `program-failed` when it fails. */
export async function readProgramOutput(program: HostProgram, args: readonly string[]): Promise<Buffer> {
  const path = await locateProgram(program);
  try {
    const options = { encoding: 'buffer', maxBuffer: 1 << 30, env: { ...process.env, LC_ALL: 'C' } } as const;
    const { stdout } = await execFileAsync(path, args, options);
    return stdout;
  } catch (error) {
    const command = [program, ...args].join(' ');
    throw new EnvironmentError('program-failed', `\`${command}\` failed: ${stderrOf(error)}`, {
      cause: error,
    });
  }
}

function stderrOf(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return stderr === '' ? String(error) : stderr;
}

async function findProgram(program: HostProgram): Promise<string | undefined> {
  // The sbin folders are missing from an ordinary user's PATH, and depmod is there.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  for (const folder of folders.filter((each) => each.startsWith('/'))) {
    const path = join(folder, program);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder: the next one may have it, and the caller reports when none does.
    }
  }
  return undefined;
}
