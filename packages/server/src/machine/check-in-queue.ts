// Collects check-ins while a batch is being written. One batch at a time: with none under way the first check-in does not wait, and
// under load batches grow by themselves until the disk keeps up.

import { ServiceError } from '../failure.js';
import type { ArrivedCheckIn, CheckInResult } from './check-in-batch.js';

const BATCH = 250;
/** More than this many waiting would be answered too late to be of use. */
const WAITING = 4000;

interface Waiting {
  readonly arrival: ArrivedCheckIn;
  readonly resolve: (result: CheckInResult) => void;
  readonly reject: (error: unknown) => void;
}

export class CheckInQueue {
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(
    private readonly record: (arrivals: readonly ArrivedCheckIn[]) => Promise<readonly CheckInResult[]>,
  ) {}

  get length(): number {
    return this.#waiting.length;
  }

  /** Resolves once the check-in is on the disk. Throws ServiceError `server-busy`. */
  add(arrival: ArrivedCheckIn): Promise<CheckInResult> {
    if (this.#waiting.length >= WAITING) {
      return Promise.reject(new ServiceError('server-busy', 'too many machines check in at once', 60));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ arrival, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** When nothing is under way any more. */
  async settle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Those that arrive in the same turn of the event loop go along.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        const results = await this.record(batch.map(({ arrival }) => arrival));
        for (const [at, { resolve, reject }] of batch.entries()) {
          const result = results[at];
          if (result === undefined) reject(new Error('a check-in has no result'));
          else resolve(result);
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = undefined;
  }
}
