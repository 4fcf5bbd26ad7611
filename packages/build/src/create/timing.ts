// How long the tools ran that we only wait for, so that the rest is ours. Intervals may overlap; their union counts.

export class ToolClock {
  #running = 0;
  #since = 0;
  #total = 0;

  /** Runs work that waits for a compiler, objtool or another program. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running++ === 0) this.#since = performance.now();
    try {
      return await work();
    } finally {
      if (--this.#running === 0) this.#total += performance.now() - this.#since;
    }
  }

  get milliseconds(): number {
    return this.#total;
  }
}
