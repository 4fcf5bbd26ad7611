// Updates in the file system. Writing leaves the old file or the whole new one under the name, never a part.

import { type FileHandle, open } from 'node:fs/promises';
import { EnvironmentError, InputError } from '@resplice/report';
import { encodeUpdate, MAX_UPDATE_SIZE, parseUpdate, tooLarge, type Update } from './archive.js';
import { writeDurably } from './durable-file.js';

/** Throws as parseUpdate does, and InputError `update-not-readable` when there is no such regular file. */
export async function readUpdate(path: string): Promise<Update> {
  return parseUpdate(await readBounded(path), path);
}

/** Throws EnvironmentError `update-not-writable`; then nothing is left behind. */
export async function writeUpdate(path: string, update: Update): Promise<void> {
  const bytes = encodeUpdate(update);
  try {
    await writeDurably(path, bytes);
  } catch (cause) {
    throw new EnvironmentError(
      'update-not-writable',
      `${path}: cannot be written (${describe(cause)}); choose another place with -o`,
      { context: { file: path }, cause },
    );
  }
}

async function readBounded(path: string): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const status = await handle.stat();
    if (!status.isFile()) throw new Error('it is not a regular file');
    if (status.size > MAX_UPDATE_SIZE) throw tooLarge(path, status.size);
    const bytes = Buffer.alloc(status.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(
      'update-not-readable',
      `${path}: cannot be read (${describe(cause)}); check the path`,
      {
        context: { file: path },
        cause,
      },
    );
  } finally {
    await handle?.close();
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
