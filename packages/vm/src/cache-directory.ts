// Where the runner keeps what it may lose at any time: module indexes, the verdict on KVM, the lock files of running guests.

import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { EnvironmentError } from '@resplice/report';

/** Makes and returns `$XDG_CACHE_HOME/resplice/vm` or a folder in it. */
export async function makeCacheDirectory(...parts: readonly string[]): Promise<string> {
  const configured = process.env.XDG_CACHE_HOME;
  // The XDG base directory specification says that relative paths are to be ignored.
  const base = configured?.startsWith('/') ? configured : join(homedir(), '.cache');
  const directory = join(base, 'resplice', 'vm', ...parts);
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw new EnvironmentError(
      'cache-unwritable',
      `cannot make ${directory}; set XDG_CACHE_HOME to a folder you may write`,
      {
        context: { directory },
        cause: error,
      },
    );
  }
  return directory;
}
