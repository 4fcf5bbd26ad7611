// A file that may be compressed, as the kernel's modules are. gzip is in node; for the others the machine's own tools are asked, which whoever
// compresses modules has: a decoder of ours for what is only an early look would be more code than the check it serves.

import { spawnSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { CLEAN_ENVIRONMENT } from './command.js';
import type { FileRead } from './machine.js';

const TOOLS: ReadonlyMap<string, string> = new Map([
  ['.xz', 'xz'],
  ['.zst', 'zstd'],
]);
/** No module of a kernel comes near it. */
const MAX_SIZE = 256 * 1024 * 1024;

export function readUnpacked(path: string, readFile: (path: string) => FileRead): FileRead {
  const read = readFile(path);
  if (!read.ok) return read;
  const tool = TOOLS.get(path.slice(path.lastIndexOf('.')));
  if (tool !== undefined) return unpackBy(tool, read.bytes);
  return path.endsWith('.gz') ? unpackGzip(read.bytes) : read;
}

function unpackBy(tool: string, input: Uint8Array): FileRead {
  const { error, status, stdout } = spawnSync(tool, ['-dc'], {
    input,
    env: CLEAN_ENVIRONMENT,
    maxBuffer: MAX_SIZE,
  });
  if (error !== undefined) return { ok: false, code: `${tool} cannot be run: ${error.message}` };
  return status === 0
    ? { ok: true, bytes: stdout }
    : { ok: false, code: `${tool} ended with ${status ?? 'a signal'}` };
}

function unpackGzip(input: Uint8Array): FileRead {
  try {
    return { ok: true, bytes: gunzipSync(input, { maxOutputLength: MAX_SIZE }) };
  } catch (error) {
    return { ok: false, code: error instanceof Error ? error.message : String(error) };
  }
}
