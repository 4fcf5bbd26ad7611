// The files of a source tree that are read over and over while names are followed: small ones stay in memory.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../debian/store.js';

/** Larger ones are tables of a device's registers; a third of the kernel's headers by number of bytes is in a hundred of them. */
const KEPT_BYTES = 128 * 1024;
const BATCH = 32;

export class FileTexts {
  readonly #root: string;
  readonly #kept = new Map<string, Buffer>();

  readonly #keptBytes: number;

  /** @param keptBytes larger files are read again each time; 0 keeps none */
  constructor(root: string, keptBytes = KEPT_BYTES) {
    this.#root = root;
    this.#keptBytes = keptBytes;
  }

  /** Empty for a file that is not there: a generated one that no object needs. */
  async read(path: string): Promise<Buffer> {
    const kept = this.#kept.get(path);
    if (kept !== undefined) return kept;
    const bytes = await this.#load(path);
    if (bytes.length <= this.#keptBytes) this.#kept.set(path, bytes);
    return bytes;
  }

  /** Reads many, several at once, and visits them in order. */
  visit(paths: readonly string[], visit: (path: string, bytes: Buffer) => void): Promise<void> {
    return this.#visit(paths, visit, (path) => this.read(path));
  }

  /** The same for what is not read again: nothing of it stays. */
  visitOnce(paths: readonly string[], visit: (path: string, bytes: Buffer) => void): Promise<void> {
    return this.#visit(paths, visit, async (path) => this.#kept.get(path) ?? this.#load(path));
  }

  async #visit(
    paths: readonly string[],
    visit: (path: string, bytes: Buffer) => void,
    read: (path: string) => Promise<Buffer>,
  ): Promise<void> {
    for (let start = 0; start < paths.length; start += BATCH) {
      const batch = paths.slice(start, start + BATCH);
      const texts = await Promise.all(batch.map(read));
      for (const [at, path] of batch.entries()) visit(path, texts[at] ?? Buffer.alloc(0));
    }
  }

  async #load(path: string): Promise<Buffer> {
    try {
      return await readFile(join(this.#root, path));
    } catch (error) {
      if (isMissing(error)) return Buffer.alloc(0);
      throw error;
    }
  }
}
