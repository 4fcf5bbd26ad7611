// A work slot is a second view of a prepared tree in which patched files may be written. It is a copy by hard links, made once
// (2 s) and kept; a written file is always a new file renamed over the link, so the prepared tree never changes. Which paths were
// touched is written to a journal before they are touched, and the next user restores them first: a slot is clean at every
// opening, whatever killed its last user. One user at a time; while a slot is busy the next one is opened.

import { link, lstat, mkdir, readdir, realpath, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path/posix';
import { EnvironmentError, InputError, InternalError } from '@resplice/report';
import { runCommand } from '../debian/command.js';
import { type FileLock, tryFileLock } from '../debian/file-lock.js';
import { isMissing, makeOnce, type WorkOptions } from '../debian/store.js';
import type { PreparedTree } from './prepare-tree.js';
import { appendJournal, clearJournal, readJournal } from './slot-journal.js';

export interface Slot {
  /** Root of the source tree. */
  readonly directory: string;
  /** Gives the file new content; makes it, and directories above it, when they do not exist. */
  readonly write: (path: string, content: Uint8Array | string) => Promise<void>;
  /** Removes the file; it may be absent. */
  readonly remove: (path: string) => Promise<void>;
  /** The files that may be other than the tree's. */
  readonly touched: () => Iterable<string>;
  /** Puts everything back as it was and lets others use the slot. */
  readonly release: () => Promise<void>;
}

const MAX_SLOTS = 32;

/** Slots of this process that nobody uses and whose locks are held all the same. */
const KEPT = new WeakMap<PreparedTree, HeldSlot[]>();

interface HeldSlot {
  readonly home: string;
  readonly lock: FileLock;
}

/**
 * Until the returned function is called, a slot of the tree that is released is clean but stays with this process, for its next user: each
 * lock is a process that has to be started, and an evaluation needs a slot for every unit.
 */
export function keepSlots(tree: PreparedTree): () => Promise<void> {
  if (KEPT.has(tree)) return async () => {};
  const kept: HeldSlot[] = [];
  KEPT.set(tree, kept);
  return async () => {
    KEPT.delete(tree);
    for (const { lock } of kept) await lock.release();
  };
}

/** Opens a clean slot, making one when all others are busy. The caller must release it. */
export async function openSlot(tree: PreparedTree, options: WorkOptions = {}): Promise<Slot> {
  const kept = KEPT.get(tree)?.pop();
  if (kept !== undefined) return new WorkSlot(tree, kept);
  const slots = join(tree.home, 'slots');
  await mkdir(slots, { recursive: true });
  for (let number = 0; number < MAX_SLOTS; number++) {
    const home = join(slots, String(number));
    const lock = await tryFileLock(`${home}.lock`);
    if (lock === undefined) continue;
    try {
      return await openLocked(tree, home, lock, options.signal);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }
  throw new EnvironmentError(
    'slots-busy',
    `all ${MAX_SLOTS} work slots of ${tree.home} are in use; wait for the other runs to end`,
  );
}

async function openLocked(
  tree: PreparedTree,
  home: string,
  lock: FileLock,
  signal?: AbortSignal,
): Promise<Slot> {
  const linkTree = async (temporary: string): Promise<void> => {
    await runCommand('cp', ['--archive', '--link', tree.directory, join(temporary, 'linux')]);
    await mkdir(join(temporary, 'new'));
  };
  await makeOnce(home, linkTree, signal);
  const slot = new WorkSlot(tree, { home, lock });
  await slot.restore();
  return slot;
}

class WorkSlot implements Slot {
  readonly directory: string;
  readonly #original: string;
  readonly #home: string;
  readonly #tree: PreparedTree;
  readonly #lock: FileLock;
  #touched = new Set<string>();
  #released = false;

  constructor(tree: PreparedTree, { home, lock }: HeldSlot) {
    this.directory = join(home, 'linux');
    this.#original = tree.directory;
    this.#tree = tree;
    this.#home = home;
    this.#lock = lock;
  }

  readonly write = async (path: string, content: Uint8Array | string): Promise<void> => {
    const clean = await this.#touch(path);
    const target = join(this.directory, clean);
    const fresh = join(this.#home, 'new', 'file');
    await rm(fresh, { force: true });
    await writeFile(fresh, content, { mode: await this.#modeOf(clean), flag: 'wx' });
    await mkdir(dirname(target), { recursive: true });
    await rename(fresh, target);
  };

  readonly remove = async (path: string): Promise<void> => {
    const clean = await this.#touch(path);
    await rm(join(this.directory, clean), { force: true });
  };

  readonly touched = (): Iterable<string> => this.#touched;

  readonly release = async (): Promise<void> => {
    if (this.#released) return;
    this.#released = true;
    let isClean = false;
    try {
      await this.restore();
      isClean = true;
    } finally {
      const kept = isClean ? KEPT.get(this.#tree) : undefined;
      if (kept === undefined) await this.#lock.release();
      else kept.push({ home: this.#home, lock: this.#lock });
    }
  };

  /** Puts back every path in the journal. May be cut off and run again at any point. */
  async restore(): Promise<void> {
    const paths = await readJournal(this.#home);
    for (const path of paths) await this.#restorePath(path);
    if (paths.length > 0) await clearJournal(this.#home);
    this.#touched = new Set();
  }

  async #restorePath(path: string): Promise<void> {
    const original = join(this.#original, path);
    const target = join(this.directory, path);
    // Not by renaming a fresh link over it: rename does nothing when both names are the same file already.
    await rm(target, { force: true });
    if (await isPresent(original)) {
      await mkdir(dirname(target), { recursive: true });
      await link(original, target);
      return;
    }
    await this.#removeNewParents(dirname(path));
  }

  /** Directories that only the patch needed. */
  async #removeNewParents(directory: string): Promise<void> {
    if (directory === '.' || (await isPresent(join(this.#original, directory)))) return;
    try {
      if ((await readdir(join(this.directory, directory))).length > 0) return;
      await rmdir(join(this.directory, directory));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    await this.#removeNewParents(dirname(directory));
  }

  async #touch(path: string): Promise<string> {
    if (this.#released) throw new InternalError('slot-released', 'a work slot was used after its release');
    const clean = checkPath(path);
    await this.#assertInside(clean);
    if (this.#touched.has(clean)) return clean;
    await appendJournal(this.#home, clean);
    this.#touched.add(clean);
    return clean;
  }

  /** A symbolic link in the tree must not lead a patch out of the slot, nor into the place of another path. */
  async #assertInside(path: string): Promise<void> {
    const root = await realpath(this.directory);
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
      try {
        if ((await realpath(join(root, parent))) !== join(root, parent)) {
          throw new InputError(
            'patch-through-link',
            `${path}: ${parent} is a symbolic link in the kernel source; patch the file it leads to`,
          );
        }
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
  }

  async #modeOf(path: string): Promise<number> {
    try {
      return (await stat(join(this.#original, path))).mode & 0o777;
    } catch (error) {
      if (isMissing(error)) return 0o644;
      throw error;
    }
  }
}

/** Also true for a symbolic link that leads nowhere. */
async function isPresent(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function checkPath(path: string): string {
  const clean = normalize(path);
  const bad =
    path === '' ||
    path.startsWith('/') ||
    /[\n\0]/.test(path) ||
    clean.split('/').includes('..') ||
    clean === '.';
  if (bad)
    throw new InputError('bad-patch-path', `"${path}" is not a path inside the kernel source`, {
      context: { path },
    });
  return clean;
}
