// Makes the embedded database as durable as PostgreSQL is: PGlite starts it with fsync off, and its file system has no fsync.
// Here PostgreSQL is started with fsync on, and a file descriptor of the WebAssembly program that is flushed is flushed on the
// disk as well. So it is PostgreSQL's own order (log before data, data before the end of a checkpoint) that reaches the disk,
// which flushing all changed files after each commit from outside would not give.
//
// `wal_sync_method=fsync`, because the default fdatasync is a call that does nothing in WebAssembly.

import { closeSync, fsyncSync, openSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';

/** What PGlite starts PostgreSQL with, without the switch that turns fsync off. */
export const DURABLE_START = [
  ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
  '-c',
  'fsync=on',
  '-c',
  'wal_sync_method=fsync',
];

interface OpenStream {
  /** Of the host; directories have none. */
  readonly nfd?: number;
  readonly node: unknown;
}

interface HostFileSystem {
  readonly stream_ops: { fsync?: (stream: OpenStream) => number };
  readonly realPath: (node: unknown) => string;
}

export class DurableFiles extends NodeFS {
  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const made = await super.init(...args);
    const { preRun = [] } = made.emscriptenOpts;
    const hook = (module: unknown): void => addFlush(module);
    return { emscriptenOpts: { ...made.emscriptenOpts, preRun: [hook, ...[preRun].flat()] } };
  }
}

/** Flushes every file and directory below. */
export async function flushTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile() || entry.isDirectory()) flushPath(join(entry.parentPath, entry.name));
  flushPath(folder);
}

function addFlush(module: unknown): void {
  const files = findHostFileSystem(module);
  files.stream_ops.fsync = (stream) => {
    if (stream.nfd !== undefined) fsyncSync(stream.nfd);
    else flushPath(files.realPath(stream.node));
    return 0;
  };
}

function flushPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function findHostFileSystem(module: unknown): HostFileSystem {
  const found = (module as { readonly NODEFS?: HostFileSystem }).NODEFS;
  if (found === undefined) throw new Error('PGlite has no NODEFS any more; see durable-files.ts');
  return found;
}
