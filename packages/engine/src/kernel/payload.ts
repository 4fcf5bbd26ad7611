// A vmlinuz is a small boot program with the compressed kernel inside. The boot protocol says where the kernel lies, its first
// bytes say how it is compressed. Decompressing is the caller's work (xz, zstd, … are programs on every Debian machine).
// Rejected: searching the file for magic numbers, as scripts/extract-vmlinux does; that finds accidental matches too.

import { InputError } from '@resplice/report';
import { ByteReader } from '../bytes/index.js';
import { SETUP_HEADER_OFFSET, setup_header } from './boot.layout.js';

export type Compression = 'gzip' | 'xz' | 'zstd' | 'lz4' | 'lzma' | 'bzip2' | 'lzo';

export interface KernelPayload {
  /** Where the compressed stream begins in the file. */
  readonly offset: number;
  /** Length of the compressed stream, without the length word that the kernel build puts behind it. */
  readonly length: number;
  readonly compression: Compression;
  /** What decompression must give, in bytes. */
  readonly uncompressedSize: number;
}

const SECTOR = 512;
/** Payload fields exist from boot protocol 2.08 on (Linux 2.6.26). */
const PAYLOAD_PROTOCOL = 0x208;
/** When `setup_sects` is 0 it means 4, says the boot protocol. */
const DEFAULT_SETUP_SECTORS = 4;
const SIZE_WORD = 4;

const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['lz4', [0x02, 0x21, 0x4c, 0x18]],
  ['lzma', [0x5d, 0x00, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lzo', [0x89, 0x4c, 0x5a, 0x4f]],
];

/** Finds the compressed kernel in a bzImage; `file` names it in errors. */
export function locatePayload(bzImage: Uint8Array, file: string): KernelPayload {
  const reader = new ByteReader(bzImage, { file });
  reader.seek(Math.min(SETUP_HEADER_OFFSET, bzImage.length));
  const header = setup_header.read(reader);
  if (header.boot_flag !== 0xaa55 || Buffer.from(header.header).toString('latin1') !== 'HdrS') {
    throw new InputError(
      'not-a-bzimage',
      `${file}: not an x86 kernel image; expected a vmlinuz with a boot header`,
    );
  }
  if (header.version < PAYLOAD_PROTOCOL) {
    const version = header.version.toString(16);
    throw new InputError(
      'bzimage-too-old',
      `${file}: boot protocol; expected 0x208 or newer, got 0x${version}`,
    );
  }
  const start = ((header.setup_sects || DEFAULT_SETUP_SECTORS) + 1) * SECTOR + header.payload_offset;
  const payload = reader.sub(start, header.payload_length);
  const compression = compressionOf(payload);
  payload.seek(Math.max(0, payload.length - SIZE_WORD));
  const uncompressedSize = payload.u32();
  // A gzip stream ends in its own size; behind any other the kernel build appends the size.
  const length = compression === 'gzip' ? payload.length : payload.length - SIZE_WORD;
  return { offset: start, length, compression, uncompressedSize };
}

function compressionOf(payload: ByteReader): Compression {
  for (const [compression, magic] of MAGICS) {
    if (magic.every((byte, i) => payload.data[i] === byte)) return compression;
  }
  payload.seek(0);
  const start = Buffer.from(payload.data.subarray(0, 6)).toString('hex');
  return payload.fail(
    'unknown-compression',
    'the kernel is compressed in an unknown way',
    `one of ${MAGICS.map(([name]) => name).join(', ')}`,
    start,
  );
}
