// The source of a kernel out of the folder in which it was built: a copy without what builds leave in large numbers, and the kernel's own `make mrproper`,
// which knows the rest. Rejected: links to the files, which an editor that writes in place would change in the cache.

import { mkdir } from 'node:fs/promises';
import { InputError } from '@resplice/report';
import { execa } from 'execa';
import { lastWords, runCommand, toolEnvironment } from '../debian/command.js';

/** Only to copy less: mrproper would remove these, too. */
const MADE = ['*.o', '*.ko', '*.a', '*.cmd', '*.mod', '*.mod.c', './vmlinux', './.git', './.tmp_*'];

/** @param to is made */
export async function copySource(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  await mkdir(to);
  const options = {
    env: toolEnvironment(),
    extendEnv: false,
    buffer: { stdout: false },
    reject: false,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  } as const;
  const excluded = MADE.map((pattern) => `--exclude=${pattern}`);
  const result = await execa('tar', ['--create', '--directory', from, ...excluded, '.'], options).pipe(
    'tar',
    ['--extract', '--no-same-owner', '--directory', to],
    options,
  );
  if (result.failed) {
    const words = [result, ...result.pipedFrom].map((each) => String(each.stderr ?? '')).join('\n');
    throw new InputError('source-not-readable', `${from} cannot be copied: ${lastWords(words)}`);
  }
  await runCommand('make', ['-s', 'mrproper'], { directory: to, signal });
}
