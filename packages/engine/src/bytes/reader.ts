// Everything that comes from a file is read through this one bounded reader. It never reads past its window, and it carries
// where it stands (file, section, offset), so that each failure names the damaged place without help from the caller.

import { InputError } from '@resplice/report';

/** Where the bytes come from, for error texts. */
export interface ByteSource {
  /** What the user knows the input as, for example `vmlinuz-6.1.0-47-amd64` or `net/core/sock.o`. */
  readonly file: string;
  readonly section?: string;
  /** Offset in `section` (or the file) of the first byte of the window; 0 when absent. */
  readonly base?: number;
}

const DECODER = new TextDecoder('utf-8');

/** A little-endian cursor over a window of bytes. Every failure is an `InputError`. */
export class ByteReader {
  readonly source: ByteSource;
  readonly data: Uint8Array;
  #view: DataView;
  #offset = 0;
  #previous = 0;

  constructor(data: Uint8Array, source: ByteSource) {
    this.data = data;
    this.source = source;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  /** Offset of the next byte, relative to the window. */
  get offset(): number {
    return this.#offset;
  }

  /** Offset at which the last read (or seek, or skip) began: the place to blame for a bad value. */
  get previous(): number {
    return this.#previous;
  }

  get length(): number {
    return this.data.length;
  }

  get remaining(): number {
    return this.data.length - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  i8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  i16(): number {
    return this.#view.getInt16(this.#take(2), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** A 64-bit size, offset or count as a number; an absurd one is an error. */
  size64(): number {
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      this.fail('number-too-large', 'a size is too large', 'at most 2^53-1', `0x${value.toString(16)}`);
    }
    return Number(value);
  }

  /** A view (not a copy) of the next `count` bytes. */
  bytes(count: number): Uint8Array {
    const start = this.#take(count);
    return this.data.subarray(start, start + count);
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** Moves to an offset inside the window; its end is allowed. */
  seek(offset: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > this.data.length) {
      this.fail(
        'truncated',
        'an offset points outside',
        `at most 0x${this.data.length.toString(16)}`,
        hex(offset),
      );
    }
    this.#previous = offset;
    this.#offset = offset;
  }

  /** Skips to the next multiple of `alignment`, counted from the start of the window. */
  align(alignment: number): void {
    const over = this.#offset % alignment;
    if (over !== 0) this.#take(alignment - over);
  }

  /** UTF-8 text up to a NUL, which must come within `max` bytes and is consumed but not returned. */
  cstring(max: number = this.remaining): string {
    const start = this.#offset;
    const limit = Math.min(this.data.length, start + max + 1);
    const end = this.data.subarray(start, limit).indexOf(0);
    this.#previous = start;
    if (end < 0) {
      this.fail(
        'string-not-terminated',
        'a string has no end',
        `a NUL within ${max} bytes`,
        `${limit - start} without`,
      );
    }
    this.#offset = start + end + 1;
    return DECODER.decode(this.data.subarray(start, start + end));
  }

  /** A reader of its own over `length` bytes at `offset` of this window; this reader does not move. */
  sub(offset: number, length: number, section?: string): ByteReader {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > this.data.length) this.seek(offset);
    if (!Number.isSafeInteger(length) || length < 0 || offset + length > this.data.length) {
      this.#previous = offset;
      const available = this.data.length - offset;
      this.fail('truncated', 'a range ends outside', `${length} bytes`, `${available}`);
    }
    const base = (this.source.base ?? 0) + offset;
    const source: ByteSource =
      section === undefined ? { ...this.source, base } : { file: this.source.file, section };
    return new ByteReader(this.data.subarray(offset, offset + length), source);
  }

  /** `file: section+0x1c` of an offset in this window; by default of the value that was read last. */
  place(offset: number = this.#previous): string {
    const at = hex((this.source.base ?? 0) + offset);
    return `${this.source.file}: ${this.source.section ?? ''}+${at}`;
  }

  /** Throws an `InputError` that blames the value that was read last. */
  fail(code: string, what: string, expected: string, got: string): never {
    throw new InputError(code, `${this.place()}: ${what}; expected ${expected}, got ${got}`, {
      context: {
        file: this.source.file,
        ...(this.source.section === undefined ? {} : { section: this.source.section }),
        offset: (this.source.base ?? 0) + this.#previous,
      },
    });
  }

  #take(count: number): number {
    const start = this.#offset;
    this.#previous = start;
    if (!(count >= 0) || count > this.data.length - start) {
      this.fail('truncated', 'the data ends too early', `${count} more bytes`, `${this.remaining}`);
    }
    this.#offset = start + count;
    return start;
  }
}

function hex(value: number): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
