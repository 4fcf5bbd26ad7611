// The initial RAM file system is a cpio archive in the "new ASCII" (newc) format, described in the kernel's
// Documentation/driver-api/early-userspace/buffer-format.rst. Written by hand because the host's cpio may be missing, wants
// the files laid out on disk with the owner and mode they shall have, and stores times and inode numbers that differ from run
// to run. Uncompressed, because the guest may be an emulated one, where unpacking costs more than QEMU's copying.

import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { EnvironmentError, UsageError } from '@resplice/report';

export type CpioContent = { readonly bytes: Uint8Array } | { readonly file: string; readonly size: number };

export type CpioEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: CpioContent };

const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
const ALIGNMENT = 4;
const MAX_FIELD = 0xffff_ffff;

const FORMAT_BITS = { directory: 0o040000, symlink: 0o120000, file: 0o100000 } as const;

/** Appends the archive of `entries` to `output`, parents first as given. Returns the number of bytes written. */
export async function writeCpio(output: FileHandle, entries: Iterable<CpioEntry>): Promise<number> {
  let inode = 0;
  let written = 0;
  for (const entry of entries) {
    inode += 1;
    const header = encodeCpioHeader(entry, inode);
    await output.appendFile(header);
    const size = await writeContent(output, entry);
    const padding = new Uint8Array(paddingAfter(size));
    await output.appendFile(padding);
    written += header.length + size + padding.length;
  }
  const trailer = encodeHeader({ inode: 0, mode: 0, size: 0, name: TRAILER });
  await output.appendFile(trailer);
  return written + trailer.length;
}

/** The fixed header, the name and their padding; the content follows directly. */
export function encodeCpioHeader(entry: CpioEntry, inode: number): Buffer {
  const name = entry.path.replace(/^\/+/, '');
  if (name === '' || name === TRAILER || name.includes('\0') || name.split('/').includes('..')) {
    throw new UsageError(
      'guest-path',
      `"${entry.path}" cannot be a path in the guest; give a plain absolute one`,
    );
  }
  const permissions = entry.kind === 'symlink' ? 0o777 : entry.mode & 0o7777;
  return encodeHeader({ inode, mode: FORMAT_BITS[entry.kind] | permissions, size: contentSize(entry), name });
}

interface HeaderFields {
  readonly inode: number;
  readonly mode: number;
  readonly size: number;
  readonly name: string;
}

function encodeHeader({ inode, mode, size, name }: HeaderFields): Buffer {
  if (size > MAX_FIELD) {
    throw new UsageError(
      'guest-file-size',
      `${name}: ${size} bytes; a file in the guest is limited to 4 GiB`,
    );
  }
  const nameBytes = Buffer.from(`${name}\0`);
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, nameBytes.length, 0];
  const text = MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([
    Buffer.from(text),
    nameBytes,
    Buffer.alloc(paddingAfter(text.length + nameBytes.length)),
  ]);
}

function contentSize(entry: CpioEntry): number {
  if (entry.kind === 'directory') return 0;
  if (entry.kind === 'symlink') return Buffer.byteLength(entry.target);
  return 'bytes' in entry.content ? entry.content.bytes.length : entry.content.size;
}

function paddingAfter(length: number): number {
  return (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT;
}

async function writeContent(output: FileHandle, entry: CpioEntry): Promise<number> {
  if (entry.kind === 'directory') return 0;
  if (entry.kind === 'symlink') {
    await output.appendFile(entry.target);
    return contentSize(entry);
  }
  if ('bytes' in entry.content) {
    await output.appendFile(entry.content.bytes);
    return entry.content.bytes.length;
  }
  const { file, size } = entry.content;
  let copied = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    await output.appendFile(chunk);
    copied += chunk.length;
  }
  if (copied !== size) {
    throw new EnvironmentError(
      'guest-file-changed',
      `${file} changed while it was copied for the guest; run again`,
      {
        context: { file, expected: size, got: copied },
      },
    );
  }
  return size;
}
