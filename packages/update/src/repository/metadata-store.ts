// The metadata that this machine has verified so far. It is what makes an old state of a repository recognisable as old, so
// it is written only after every check, each file whole or not at all.

import { readFileSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError } from '@resplice/report';
import { syncDirectory, writeDurably } from '../durable-file.js';

export interface MetadataStore {
  /** Undefined when nothing is trusted yet for this role. Throws EnvironmentError `trust-state-not-readable`. */
  read(role: string): Uint8Array | undefined;
  /** Throws EnvironmentError `trust-state-not-writable`. */
  write(role: string, bytes: Uint8Array): Promise<void>;
  remove(role: string): Promise<void>;
}

/** One file per role in a directory, which is made when it is needed. */
export function openMetadataStore(directory: string): MetadataStore {
  const path = (role: string): string => join(directory, `${encodeURIComponent(role)}.json`);
  return {
    read(role) {
      try {
        return readFileSync(path(role));
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
        // Taking it for "nothing seen yet" would give up the protection against old states.
        const message = `${path(role)}: cannot be read; check its permissions, and run it with sudo`;
        throw new EnvironmentError('trust-state-not-readable', message, { context: { role }, cause });
      }
    },
    async write(role, bytes) {
      try {
        await mkdir(directory, { recursive: true, mode: 0o755 });
        await writeDurably(path(role), bytes);
      } catch (cause) {
        throw notWritable(directory, cause);
      }
    },
    async remove(role) {
      try {
        rmSync(path(role), { force: true });
        await mkdir(directory, { recursive: true, mode: 0o755 });
        await syncDirectory(directory);
      } catch (cause) {
        throw notWritable(directory, cause);
      }
    },
  };
}

/** Reads through, keeps what is written to itself: for a run that must not change the machine. */
export function overlayMetadataStore(below: MetadataStore): MetadataStore {
  const changed = new Map<string, Uint8Array | undefined>();
  return {
    read: (role) => (changed.has(role) ? changed.get(role) : below.read(role)),
    write: async (role, bytes) => {
      changed.set(role, bytes);
    },
    remove: async (role) => {
      changed.set(role, undefined);
    },
  };
}

function notWritable(directory: string, cause: unknown): EnvironmentError {
  const message = `${directory}: cannot be written; run it with sudo, and check that the file system is writable and not full`;
  return new EnvironmentError('trust-state-not-writable', message, { context: { directory }, cause });
}
