// What jobs cost a worker's processors: its own time and that of the programs it started, which the kernel adds up as they end. Jobs that run at
// the same time share equally what was used meanwhile, so that the sum over all jobs is what was really used.

import { readFileSync } from 'node:fs';

interface Share {
  milliseconds: number;
}

export class ProcessorMeter {
  readonly #read: () => number;
  readonly #running = new Set<Share>();
  #seen = 0;

  /** @param read processor time used so far, in milliseconds */
  constructor(read: () => number = readProcessorTime) {
    this.#read = read;
  }

  /** A job begins; what comes back ends it and gives its milliseconds. */
  begin(): () => number {
    this.#divide();
    const share: Share = { milliseconds: 0 };
    this.#running.add(share);
    return () => {
      this.#divide();
      this.#running.delete(share);
      return Math.round(share.milliseconds);
    };
  }

  #divide(): void {
    const now = this.#read();
    for (const share of this.#running) share.milliseconds += (now - this.#seen) / this.#running.size;
    this.#seen = now;
  }
}

/** The kernel counts in hundredths of a second for programs, whatever its own clock is. */
const TICK_MILLISECONDS = 10;
/** Behind the name in proc_pid_stat(5): utime, stime, cutime, cstime. */
const TIMES = [11, 12, 13, 14] as const;

function readProcessorTime(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  // The name in brackets may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return TIMES.reduce((sum, at) => sum + Number(fields[at]), 0) * TICK_MILLISECONDS;
}
