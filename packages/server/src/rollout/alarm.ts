// A machine that complains should halt a roll-out within seconds and not at the next minute. Many that complain at once ask once.

import type { JobQueue } from '../job/job-queue.js';

const PAUSE_MS = 5000;

export class RolloutAlarm {
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();
  #stopped = false;
  #last = 0;

  constructor(
    private readonly jobs: Pick<JobQueue, 'send'>,
    private readonly onError: (error: unknown) => void,
  ) {}

  ring(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    const wait = Math.max(0, this.#last + PAUSE_MS - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#last = Date.now();
      this.#sending = this.jobs.send('rollouts', {}).catch(this.onError);
    }, wait);
    // The job of the minute comes anyway.
    this.#timer.unref();
  }
  /** Rings no more; resolves when nothing is on its way to the queue. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#sending;
  }
}
