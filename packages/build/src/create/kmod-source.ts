// The C of kmod/, wherever the compiled TypeScript lies: in a checkout, or bundled.

import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EnvironmentError } from '@resplice/report';
import { exists } from '../debian/store.js';

/** Path of a file of kmod/, which lies above this file at whatever depth. */
export async function findKmodSource(name: string): Promise<string> {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let directory = start; ; directory = dirname(directory)) {
    const file = join(directory, 'kmod', name);
    if (await exists(file)) return file;
    if (directory === dirname(directory)) break;
  }
  throw new EnvironmentError(
    'installation-incomplete',
    `kmod/${name} is not found above ${start}; install Resplice again`,
  );
}

/** Names of the trampoline engine's sources, without `.c`. */
export async function listCoreSources(): Promise<readonly string[]> {
  const directory = dirname(await findKmodSource('core-abi.h'));
  const names = (await readdir(directory)).flatMap((name) => /^(core.*)\.c$/.exec(name)?.[1] ?? []);
  return names.sort();
}

/** What lets a patched source include resplice.h. */
export async function customCodeFlags(): Promise<readonly string[]> {
  return [`-I${dirname(await findKmodSource('resplice.h'))}`];
}
