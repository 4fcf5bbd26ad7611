// Numbers from 0, put together into groups.

import { groupBy } from './group-by.js';

export class DisjointSets {
  readonly #parent: number[];

  constructor(size: number) {
    this.#parent = Array.from({ length: size }, (_, index) => index);
  }

  join(a: number, b: number): void {
    const [x, y] = [this.#find(a), this.#find(b)];
    this.#parent[Math.max(x, y)] = Math.min(x, y);
  }

  /** The groups, each in ascending order, by their smallest number. */
  list(): readonly (readonly number[])[] {
    return [...groupBy(this.#parent.keys(), (index) => this.#find(index)).values()];
  }

  #find(start: number): number {
    let index = start;
    for (let up = this.#parent[index] ?? index; up !== index; up = this.#parent[index] ?? index) {
      this.#parent[index] = this.#parent[up] ?? up;
      index = up;
    }
    return index;
  }
}
