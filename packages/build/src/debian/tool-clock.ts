// How long the tools ran that we only wait for, so that the rest is ours. Whoever starts a program says so by `duringTool`, and the time
// goes to the clock of the work it is part of, wherever that was started; handing a clock down every call, and guessing which calls mostly
// wait, counted our own reading and comparing as the tools'. Intervals may overlap; their union counts.

import { AsyncLocalStorage } from 'node:async_hooks';

const current = new AsyncLocalStorage<ToolClock>();

export class ToolClock {
  #running = 0;
  #since = 0;
  #total = 0;
  #outer: ToolClock | undefined;

  /** Runs work whose tools this clock measures, as does the clock of what the work is part of. */
  measure<T>(work: () => Promise<T>): Promise<T> {
    this.#outer ??= current.getStore();
    return current.run(this, work);
  }

  get milliseconds(): number {
    return this.#total + (this.#running > 0 ? performance.now() - this.#since : 0);
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    const outer = this.#outer;
    if (this.#running++ === 0) this.#since = performance.now();
    try {
      return await (outer === undefined ? work() : outer.during(work));
    } finally {
      if (--this.#running === 0) this.#total += performance.now() - this.#since;
    }
  }
}

/** Runs work that does nothing but wait for a compiler, objtool or another program. */
export function duringTool<T>(work: () => Promise<T>): Promise<T> {
  const clock = current.getStore();
  return clock === undefined ? work() : clock.during(work);
}
