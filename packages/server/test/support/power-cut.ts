// What a power cut leaves of a folder that a program writes: what was flushed, and of everything written since then each sector (512 bytes) as it was
// at some moment after the last flush, another moment for each. So writes are lost, come in another order, and pages are torn. Names and lengths of
// files are as they were at the moment of the cut: a journalling file system keeps them in order.

import {
  closeSync,
  cpSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readlinkSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { DurableFiles } from '../../src/database/durable-files.js';

const SECTOR = 512;

interface Stream {
  readonly nfd?: number;
}

interface StreamOperations {
  fsync: (stream: Stream) => number;
  write: (stream: Stream, buffer: Uint8Array, offset: number, length: number, position: number) => number;
}

/** A sector before it was written over, since the last flush of its file. */
interface Loss {
  readonly sector: number;
  readonly before: Buffer;
}

/** Of all embedded databases that this process opens from now on. */
export class UnreliableDisk {
  readonly #losses = new Map<string, Loss[]>();
  readonly #random: () => number;
  /** Called before each write; a power cut there is one in the middle of whatever the database does. */
  onWrite: () => void = () => {};
  flushes = 0;

  constructor(random: () => number) {
    this.#random = random;
    const disk = this;
    const { init } = DurableFiles.prototype;
    DurableFiles.prototype.init = async function (...args) {
      const made = await init.apply(this, args);
      const { preRun = [] } = made.emscriptenOpts;
      const attach = (module: unknown): void =>
        disk.#attach(
          (module as { readonly NODEFS: { readonly stream_ops: StreamOperations } }).NODEFS.stream_ops,
        );
      return { emscriptenOpts: { ...made.emscriptenOpts, preRun: [...[preRun].flat(), attach] } };
    };
  }

  #attach(operations: StreamOperations): void {
    const { fsync, write } = operations;
    operations.write = (stream, buffer, offset, length, position) => {
      this.onWrite();
      this.#remember(stream, position, length);
      return write(stream, buffer, offset, length, position);
    };
    operations.fsync = (stream) => {
      const done = fsync(stream);
      this.flushes += 1;
      if (stream.nfd !== undefined) this.#losses.delete(pathOf(stream.nfd));
      return done;
    };
  }

  #remember({ nfd }: Stream, position: number, length: number): void {
    if (nfd === undefined) return;
    const path = pathOf(nfd);
    const losses = this.#losses.get(path) ?? [];
    this.#losses.set(path, losses);
    // The program may have opened it for writing only.
    const reader = openSync(path, 'r');
    for (let sector = Math.floor(position / SECTOR); sector * SECTOR < position + length; sector += 1) {
      const before = Buffer.alloc(SECTOR);
      readSync(reader, before, 0, SECTOR, sector * SECTOR);
      losses.push({ sector, before });
    }
    closeSync(reader);
  }

  /** Copies the folder as it would be found after the power comes back. Gives back how many sectors lost what was last written to them. */
  cutPower(folder: string, to: string): number {
    cpSync(folder, to, { recursive: true });
    let lost = 0;
    for (const [path, losses] of this.#losses) {
      const inside = relative(folder, path);
      if (inside.startsWith('..')) continue;
      const file = openOrNot(join(to, inside));
      if (file === undefined) continue;
      const { size } = fstatSync(file);
      for (const versions of bySector(losses)) {
        // All that were overwritten since the flush, and what is there now.
        const kept = versions[Math.floor(this.#random() * (versions.length + 1))];
        if (kept === undefined) continue;
        writeSync(file, kept.before, 0, SECTOR, kept.sector * SECTOR);
        lost += 1;
      }
      ftruncateSync(file, size);
      closeSync(file);
    }
    return lost;
  }
}

function openOrNot(path: string): number | undefined {
  try {
    return openSync(path, 'r+');
  } catch {
    // It was removed since it was written.
    return undefined;
  }
}

function pathOf(descriptor: number): string {
  return readlinkSync(`/proc/self/fd/${descriptor}`);
}

function bySector(losses: readonly Loss[]): Iterable<readonly Loss[]> {
  const sectors = new Map<number, Loss[]>();
  for (const loss of losses) sectors.set(loss.sector, [...(sectors.get(loss.sector) ?? []), loss]);
  return sectors.values();
}
