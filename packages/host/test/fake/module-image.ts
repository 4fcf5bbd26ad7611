// Relocatable objects: one that stands for an update's module, into whose `.text` the engine looks, and files of modules, of which the build id matters.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function encodeModule(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'resplice-host-'));
  try {
    writeFileSync(
      join(folder, 'a.c'),
      'extern int helper(int); int replacement(int n) { return helper(n) + 1; }',
    );
    execFileSync('gcc-12', ['-O2', '-c', '-o', join(folder, 'a.o'), join(folder, 'a.c')]);
    return new Uint8Array(readFileSync(join(folder, 'a.o')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As the kernel's own build makes it of objects. */
export function encodeModuleFile(buildId: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'resplice-host-'));
  try {
    const [object, module] = [join(folder, 'a.o'), join(folder, 'a.ko')];
    writeFileSync(object, encodeModule());
    execFileSync('ld', ['-r', `--build-id=0x${buildId}`, '-o', module, object]);
    return new Uint8Array(readFileSync(module));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
