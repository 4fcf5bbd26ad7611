// The outermost layer of an update: an uncompressed POSIX tar of regular files, one after another, ended by two zero blocks.
//
// Plain tar, because (1) its bytes are a function of its content alone, while gzip output depends on the zlib of the
// Node.js that wrote it; (2) there is no decompressor to bomb: memory is bounded by the size of the file; (3) `tar -xf`
// opens it anywhere. On the wire HTTP compresses it. The tar package's stream parser was not used: it warns and skips
// where we must refuse, and it accepts pax records, links and devices that no update contains. Its Header is used.

import { TrustError } from '@resplice/report';
import { Header } from 'tar/header';

const BLOCK = 512;
const END = new Uint8Array(2 * BLOCK);

export interface Entry {
  readonly path: string;
  readonly content: Uint8Array;
}

/**
 * A path that an update may hold: at most 100 ASCII letters, digits, and `. _ + -`, in segments that start with a letter
 * or digit; so never absolute, never `..`, never hidden, and always in one tar header without a pax record.
 */
export const ENTRY_PATH = /^(?=.{1,100}$)[A-Za-z0-9][A-Za-z0-9._+-]*(?:\/[A-Za-z0-9][A-Za-z0-9._+-]*)*$/;

/** The archive's bytes, in pieces; the contents are not copied. */
export function* encodeContainer(entries: readonly Entry[]): Generator<Uint8Array> {
  for (const { path, content } of entries) {
    yield encodeHeader(path, content.length);
    yield content;
    yield new Uint8Array(-content.length & (BLOCK - 1));
  }
  yield END;
}

function encodeHeader(path: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const fields = { path, size, type: 'File', mode: 0o644, uid: 0, gid: 0, uname: '', gname: '' } as const;
  new Header({ ...fields, mtime: new Date(0), devmaj: 0, devmin: 0 }).encode(block, 0);
  return block;
}

/**
 * The entries of an archive, in order; contents are views of `bytes`. Only what could lead astray is checked here: that
 * all is there, that it is a regular file, and its path. The caller compares the whole with its own encoding afterwards.
 * Throws TrustError; `name` is the file's name in its text.
 */
export function parseContainer(bytes: Uint8Array, name: string): readonly Entry[] {
  const entries: Entry[] = [];
  for (let offset = 0; ; ) {
    const header = parseHeader(bytes, offset, name);
    if (header.nullBlock) return entries;
    const path = checkedPath(header, name);
    const size = header.size ?? 0;
    const start = offset + BLOCK;
    if (size < 0 || start + size > bytes.length) throw truncated(name, bytes.length, `the end of ${path}`);
    entries.push({ path, content: bytes.subarray(start, start + size) });
    offset = start + size + (-size & (BLOCK - 1));
  }
}

function parseHeader(bytes: Uint8Array, offset: number, name: string): Header {
  if (offset + BLOCK > bytes.length) throw truncated(name, bytes.length, 'the end mark');
  const header = decodeHeader(Buffer.from(bytes.buffer, bytes.byteOffset + offset, BLOCK));
  if (header?.nullBlock || header?.cksumValid) return header;
  const at = `0x${offset.toString(16)}`;
  const message = `${name}: the file header at ${at} is damaged; get the update again`;
  throw new TrustError('update-altered', message, { context: { file: name, offset } });
}

function decodeHeader(block: Buffer): Header | undefined {
  try {
    return new Header(block);
  } catch {
    // Header throws on numbers it cannot read; the caller reports any unreadable header as damage.
    return undefined;
  }
}

function checkedPath(header: Header, name: string): string {
  const path = header.path ?? '';
  const context = { file: name, path };
  if (!ENTRY_PATH.test(path)) {
    throw new TrustError(
      'update-unsafe-path',
      `${name}: holds a file named ${JSON.stringify(path)}, which no update may hold; do not use this file`,
      { context },
    );
  }
  if (header.type !== 'File') {
    throw new TrustError(
      'update-altered',
      `${name}: ${path} is not a regular file (${header.type}); do not use this file`,
      { context },
    );
  }
  return path;
}

function truncated(name: string, length: number, missing: string): TrustError {
  return new TrustError(
    'update-truncated',
    `${name}: is cut off after ${length} bytes, before ${missing}; get the update again`,
    { context: { file: name, length } },
  );
}
