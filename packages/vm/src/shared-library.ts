// A dynamically linked program runs in the guest only with its loader and libraries at the paths it has on the host. The
// host's loader is asked (`ldd`), because only it knows about RUNPATH, ld.so.conf and hwcaps folders.

import { open } from 'node:fs/promises';
import { InputError } from '@resplice/report';
import { readProgramOutput } from './host-program.js';

const ELF_MAGIC = '\x7fELF';

/** Absolute host paths of what `program` loads; none for a static program, a script or data. */
export async function findSharedLibraries(program: string): Promise<readonly string[]> {
  if (!(await isElf(program))) return [];
  let output: string;
  try {
    output = (await readProgramOutput('ldd', [program])).toString();
  } catch (error) {
    // ldd answers a static program (and one for another machine) with exit status 1; both need nothing from us.
    if (error instanceof Error && /not a dynamic executable/.test(error.message)) return [];
    throw error;
  }
  return parseLddOutput(output, program);
}

/** Lines are `libc.so.6 => /lib/… (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)` or `linux-vdso.so.1 (0x…)`. */
export function parseLddOutput(output: string, program: string): readonly string[] {
  const libraries: string[] = [];
  for (const line of output.split('\n')) {
    const missing = /^\s*(\S+) => not found/.exec(line);
    if (missing !== null) {
      throw new InputError(
        'library-missing',
        `${program} needs ${missing[1]}, which this machine does not have; install it`,
      );
    }
    const path = /^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1];
    if (path !== undefined) libraries.push(path);
  }
  return libraries;
}

async function isElf(path: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(ELF_MAGIC.length), 0, ELF_MAGIC.length, 0);
    return buffer.toString('latin1', 0, bytesRead) === ELF_MAGIC;
  } finally {
    await handle.close();
  }
}
