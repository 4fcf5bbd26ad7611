// Where the files of a repository come from. Nothing that a source gives is believed; a source only has to bound how much it
// gives and how long it takes.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { RespliceError } from '@resplice/report';
import { endless, tooSlow, unreachable } from './refusal.js';

export interface ReadLimit {
  /** The largest length that is accepted. */
  readonly bytes: number;
  readonly signal?: AbortSignal | undefined;
}

export interface RepositorySource {
  /** Address or path, for texts. */
  readonly name: string;
  /**
   * A file below `metadata/` or `targets/`; `path` has its segments already encoded. Undefined when there is no such file.
   * Throws TrustError `repository-data-endless`, UnreachableError (`repository-too-slow`, `repository-unreachable`).
   */
  readMetadata(file: string, limit: ReadLimit): Promise<Uint8Array | undefined>;
  readTarget(path: string, limit: ReadLimit): Promise<Uint8Array | undefined>;
}

/** How slow a server may be. Both together bound the time of every download by its length. */
export interface Patience {
  /** Milliseconds until the answer begins, and between two pieces of it. */
  readonly pause: number;
  /** Bytes per second that it must reach on average, after one `pause`. */
  readonly rate: number;
}

export const PATIENCE: Patience = { pause: 20_000, rate: 10_000 };

/** A repository that a web server or CDN serves. */
export function openHttpSource(address: string, patience: Patience = PATIENCE): RepositorySource {
  const base = address.replace(/\/+$/, '');
  return openHttpFolders(`${base}/metadata`, `${base}/targets`, patience);
}

/** The same with the two folders at places of their own. */
export function openHttpFolders(
  metadata: string,
  targets: string,
  patience: Patience = PATIENCE,
): RepositorySource {
  const [metadataBase, targetBase] = [metadata.replace(/\/+$/, ''), targets.replace(/\/+$/, '')];
  return {
    name: metadataBase.replace(/\/metadata$/, ''),
    readMetadata: (file, limit) => readHttp(`${metadataBase}/${file}`, limit, patience),
    readTarget: (path, limit) => readHttp(`${targetBase}/${path}`, limit, patience),
  };
}

/** A mirror in the file system. Its paths are decoded: files there have the names that a web server would serve. */
export function openDirectorySource(directory: string): RepositorySource {
  return {
    name: directory,
    readMetadata: (file, limit) => readBounded(join(directory, 'metadata', file), limit),
    readTarget: (path, limit) =>
      readBounded(join(directory, 'targets', ...path.split('/').map(decodeURIComponent)), limit),
  };
}

async function readHttp(
  address: string,
  limit: ReadLimit,
  { pause, rate }: Patience,
): Promise<Uint8Array | undefined> {
  const stop = new AbortController();
  const slow = (found: string) => () => stop.abort(tooSlow(address, found));
  const whole = setTimeout(
    slow(`takes longer than ${limit.bytes} bytes may take`),
    pause + (limit.bytes / rate) * 1000,
  );
  let idle = setTimeout(slow(`does not answer for ${pause / 1000} s`), pause);
  const cancel = () => stop.abort(limit.signal?.reason);
  limit.signal?.addEventListener('abort', cancel);
  try {
    limit.signal?.throwIfAborted();
    // Compression is declined: its bytes would have to be bounded a second time.
    const response = await fetch(address, {
      signal: stop.signal,
      headers: { 'accept-encoding': 'identity' },
    });
    if (response.status === 404 || response.status === 403) return undefined;
    if (!response.ok || response.body === null) throw unreachable(address, `HTTP status ${response.status}`);
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of response.body) {
      clearTimeout(idle);
      idle = setTimeout(slow(`sends nothing for ${pause / 1000} s`), pause);
      length += piece.length;
      if (length > limit.bytes) throw endless(address, limit.bytes);
      pieces.push(piece);
    }
    return Buffer.concat(pieces, length);
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    if (error instanceof RespliceError) throw error;
    limit.signal?.throwIfAborted();
    throw unreachable(address, describeFailure(error), error);
  } finally {
    clearTimeout(whole);
    clearTimeout(idle);
    limit.signal?.removeEventListener('abort', cancel);
    // Ends the connection of a body that was not read to its end; without effect on one that was.
    stop.abort();
  }
}

async function readBounded(path: string, limit: ReadLimit): Promise<Uint8Array | undefined> {
  limit.signal?.throwIfAborted();
  try {
    // A FIFO on a foreign medium must not make us wait for its writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) throw unreachable(path, 'is not a regular file');
      const pieces: Buffer[] = [];
      let length = 0;
      for await (const piece of handle.createReadStream({ autoClose: false })) {
        const bytes: Buffer = piece;
        length += bytes.length;
        if (length > limit.bytes) throw endless(path, limit.bytes);
        pieces.push(bytes);
      }
      return Buffer.concat(pieces, length);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof RespliceError) throw error;
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw unreachable(path, describeFailure(error), error);
  }
}

/** fetch says only "fetch failed"; what failed stands in its cause. */
function describeFailure(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
