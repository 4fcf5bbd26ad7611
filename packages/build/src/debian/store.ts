// The cache: directories that are either whole or absent. Everything is put together in a temporary sibling that carries the
// maker's pid and start time, flushed, and renamed into place; so an interrupted download is never taken for a whole one, and
// the leavings of a dead process can be told from the work of a living one.

import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { type ProgressSink, UsageError } from '@resplice/report';
import { runCommand } from './command.js';
import { withFileLock } from './file-lock.js';

export interface WorkOptions {
  /** Root of the cache; {@link cacheRoot} when left out. */
  readonly cache?: string;
  readonly progress?: ProgressSink;
  readonly signal?: AbortSignal;
}

/** `$RESPLICE_CACHE`, else `$XDG_CACHE_HOME/resplice`, else `~/.cache/resplice`. Source: XDG Base Directory Specification. */
export function cacheRoot(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment.RESPLICE_CACHE;
  if (own !== undefined && own !== '') {
    if (!isAbsolute(own))
      throw new UsageError('cache-not-absolute', `RESPLICE_CACHE must be an absolute path, not "${own}"`);
    return own;
  }
  const xdg = environment.XDG_CACHE_HOME;
  // The specification says to ignore a relative path.
  return xdg !== undefined && isAbsolute(xdg) ? join(xdg, 'resplice') : join(homedir(), '.cache', 'resplice');
}

/**
 * Makes `directory` by `build` unless it is there; safe against other processes doing the same and against being killed.
 * `build` gets an empty directory on the same file system. Returns whether it was made now.
 */
export async function makeOnce(
  directory: string,
  build: (temporary: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<boolean> {
  if (await exists(directory)) return false;
  const parent = dirname(directory);
  await mkdir(parent, { recursive: true });
  return withFileLock(
    join(parent, `.${basename(directory)}.lock`),
    async () => {
      if (await exists(directory)) return false;
      await removeStale(parent);
      const temporary = join(parent, await temporaryName(basename(directory)));
      await mkdir(temporary);
      try {
        await build(temporary);
        await syncFileSystem(temporary);
        await rename(temporary, directory);
        await syncDirectory(parent);
      } catch (error) {
        await rm(temporary, { recursive: true, force: true });
        throw error;
      }
      return true;
    },
    signal,
  );
}

/** Writes a file so that readers see the old or the new content, never a part. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(file), await temporaryName(basename(file)));
  const handle = await open(temporary, 'wx');
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

/** What was written as JSON; undefined when it is not there or was cut off. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** The names in a directory; none when it does not exist. */
export async function readDirectory(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** `.tmp-PID-START-RANDOM-NAME`. */
async function temporaryName(name: string): Promise<string> {
  const start = (await readStartTime(process.pid)) ?? '0';
  return `.tmp-${process.pid}-${start}-${randomBytes(4).toString('hex')}-${name}`;
}

/** Removes temporary entries of processes that no longer live. */
export async function removeStale(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const match = /^\.tmp-(\d+)-(\d+)-/.exec(name);
    if (match?.[1] === undefined) continue;
    if ((await readStartTime(Number(match[1]))) === match[2]) continue;
    try {
      await rm(join(parent, name), { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // A program that the dead process started may still be writing there. Nobody reads it, and the next call removes it.
    }
  }
}

/** Clock ticks after boot at which the process started (proc(5), stat field 22): pids are reused, pairs are not. */
async function readStartTime(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command's name may hold spaces and parentheses; the fields after the last one are plain. The 20th is field 22.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (isMissing(error) || (error instanceof Error && 'code' in error && error.code === 'ESRCH'))
      return undefined;
    throw error;
  }
}

/** Flushes the whole file system of `path`: one call instead of one per file of a source tree. */
async function syncFileSystem(path: string): Promise<void> {
  await runCommand('sync', ['--file-system', path]);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
