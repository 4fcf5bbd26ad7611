// A relocatable object that stands for an update's module: the engine looks into its `.text`.

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
