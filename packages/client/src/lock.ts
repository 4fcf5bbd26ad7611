// One command that changes what the machine wants at a time: the timer, an administrator and the watch over the kernel log may meet. The lock of
// the host package below it guards the kernel for single steps; this one guards a whole command.

import { join } from 'node:path';
import { acquireLock } from '@resplice/host';
import type { Client } from './client.js';

const PATIENCE = 10_000;

/** Throws EnvironmentError `another-command-runs` when it is not free within `patience` milliseconds, `state-not-writable`. */
export async function withClientLock<T>(
  { places }: Pick<Client, 'places'>,
  holder: string,
  work: () => Promise<T>,
  patience = PATIENCE,
): Promise<T> {
  const lock = await acquireLock(join(places.running, 'client'), holder, patience);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
