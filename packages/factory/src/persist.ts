// Tries again while the database cannot be reached. An error that the database itself gives is the answer.

import { setTimeout as wait } from 'node:timers/promises';
import { isPassing, JobLostError } from '@resplice/server/factory';

const PATIENCE_MS = 10 * 60_000;
const PAUSE_MS = 1000;

export async function persist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || error instanceof JobLostError || Date.now() > end || !isPassing(error))
        throw error;
      await wait(PAUSE_MS);
    }
  }
}
