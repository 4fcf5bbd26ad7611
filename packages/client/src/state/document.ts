// A small JSON document of ours that survives power cuts: there whole or not at all. Damage is told and never taken for "nothing there":
// what a machine wants, and that re-applying was switched off, must not be forgotten in silence.

import { readFileSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EnvironmentError, TrustError } from '@resplice/report';
import { syncDirectory, writeDurably } from '@resplice/update';
import { z } from 'zod';

export interface Document<T> {
  readonly path: string;
  /** Undefined when there is none. Throws TrustError `state-damaged`, EnvironmentError `state-not-readable`. */
  read(): T | undefined;
  /** On the disk when it resolves. Throws EnvironmentError `state-not-writable`. */
  write(value: T): Promise<void>;
  remove(): Promise<void>;
}

/** `mode` 0600 for what holds a secret. */
export function openDocument<T>(path: string, schema: z.ZodType<T>, mode = 0o644): Document<T> {
  return {
    path,
    read() {
      const bytes = readBytes(path);
      return bytes === undefined ? undefined : parseDocument(bytes, path, schema);
    },
    write: (value) => writeState(path, Buffer.from(`${JSON.stringify(value, null, 2)}\n`), mode),
    remove: () => removeState(path),
  };
}

/** Undefined when there is no such file. Throws EnvironmentError `state-not-readable`. */
export function readBytes(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR'))
      return undefined;
    const message = `${path}: cannot be read (${describe(cause)}); run it with sudo`;
    throw new EnvironmentError('state-not-readable', message, { context: { file: path }, cause });
  }
}

/** Throws EnvironmentError `state-not-writable`. */
export async function writeState(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await writeDurably(path, bytes, mode);
  } catch (cause) {
    throw notWritable(path, cause);
  }
}

export async function removeState(path: string): Promise<void> {
  try {
    rmSync(path, { force: true });
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await syncDirectory(dirname(path));
  } catch (cause) {
    throw notWritable(path, cause);
  }
}

function parseDocument<T>(bytes: Uint8Array, path: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    const found = cause instanceof z.ZodError ? z.prettifyError(cause) : describe(cause);
    const message = `${path}: is damaged (${found}); remove it to begin anew without what it held`;
    throw new TrustError('state-damaged', message, { context: { file: path }, cause });
  }
}

function notWritable(path: string, cause: unknown): EnvironmentError {
  const message = `${path}: cannot be written (${describe(cause)}); run it with sudo, and check that the file system is writable and not full`;
  return new EnvironmentError('state-not-writable', message, { context: { file: path }, cause });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
