// The source of a kernel out of the folder in which it was built: a copy without what builds leave in large numbers, and the kernel's own `make mrproper`,
// which knows the rest. Rejected: links to the files, which an editor that writes in place would change in the cache.

import { mkdir } from 'node:fs/promises';
import { InputError } from '@resplice/report';
import { runCommand } from '../debian/command.js';
import { pipeToTar } from '../debian/unpack.js';

/** Only to copy less: mrproper would remove these, too. */
const MADE = ['*.o', '*.ko', '*.a', '*.cmd', '*.mod', '*.mod.c', './vmlinux', './.git', './.tmp_*'];

/** @param to is made */
export async function copySource(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  await mkdir(to);
  const excluded = MADE.map((pattern) => `--exclude=${pattern}`);
  const archive = ['--create', '--directory', from, ...excluded, '.'];
  const failure = await pipeToTar(['tar', archive], ['--directory', to], signal);
  if (failure !== undefined)
    throw new InputError('source-not-readable', `${from} cannot be copied: ${failure}`);
  await runCommand('make', ['-s', 'mrproper'], { directory: to, signal });
}
