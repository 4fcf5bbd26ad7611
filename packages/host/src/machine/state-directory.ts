// The state store as a directory. Readable by everybody, because `list` and `show` need no root and nothing in it is secret.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { EnvironmentError } from '@resplice/report';
import type { StateStore } from './machine.js';

export function openStateStore(directory: string): StateStore {
  return {
    read(name) {
      try {
        return readFileSync(join(directory, name));
      } catch {
        // Not there, or not readable: either way there is no state to speak of.
        return undefined;
      }
    },
    write(name, bytes) {
      try {
        mkdirSync(directory, { recursive: true, mode: 0o755 });
        const temporary = join(directory, `.${name}.new`);
        writeWhole(temporary, bytes);
        renameSync(temporary, join(directory, name));
        syncDirectory(directory);
      } catch (cause) {
        const message = `${join(directory, name)}: cannot be written; check that /run is mounted writable and not full`;
        throw new EnvironmentError('state-not-writable', message, { context: { file: name }, cause });
      }
    },
    remove(name) {
      rmSync(join(directory, name), { force: true });
    },
    list() {
      try {
        return readdirSync(directory).filter((name) => !name.startsWith('.'));
      } catch {
        // No directory: no state yet.
        return [];
      }
    },
  };
}

function writeWhole(path: string, bytes: Uint8Array): void {
  const descriptor = openSync(path, 'w', 0o644);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
