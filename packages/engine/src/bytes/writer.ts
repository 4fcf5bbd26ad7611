// The counterpart of ByteReader: grows as needed, little-endian, and earlier places can be filled in once they are known.
// A value that does not fit its field is our own mistake, hence InternalError and never silent truncation.

import { InternalError } from '@resplice/report';

export class ByteWriter {
  #data = new Uint8Array(256);
  #view = new DataView(this.#data.buffer);
  #length = 0;

  /** Bytes written so far, and so the offset of the next one. */
  get offset(): number {
    return this.#length;
  }

  u8(value: number): this {
    return this.setU8At(this.#grow(1), value);
  }

  u16(value: number): this {
    return this.setU16At(this.#grow(2), value);
  }

  u32(value: number): this {
    return this.setU32At(this.#grow(4), value);
  }

  u64(value: bigint): this {
    return this.setU64At(this.#grow(8), value);
  }

  i8(value: number): this {
    assertFits(value, -0x80, 0x7f);
    return this.u8(value & 0xff);
  }

  i16(value: number): this {
    assertFits(value, -0x8000, 0x7fff);
    return this.u16(value & 0xffff);
  }

  i32(value: number): this {
    return this.setI32At(this.#grow(4), value);
  }

  i64(value: bigint): this {
    return this.setI64At(this.#grow(8), value);
  }

  /** A size, offset or count in a 64-bit field. */
  size64(value: number): this {
    assertFits(value, 0, Number.MAX_SAFE_INTEGER);
    return this.u64(BigInt(value));
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#data.set(value, at);
    return this;
  }

  /** UTF-8 text with its closing NUL. */
  cstring(value: string): this {
    return this.bytes(new TextEncoder().encode(value)).u8(0);
  }

  fill(count: number, value = 0): this {
    const at = this.#grow(count);
    this.#data.fill(value, at, at + count);
    return this;
  }

  /** Fills up to the next multiple of `alignment`. */
  align(alignment: number, fill = 0): this {
    const over = this.#length % alignment;
    return over === 0 ? this : this.fill(alignment - over, fill);
  }

  setU8At(at: number, value: number): this {
    assertFits(value, 0, 0xff);
    this.#view.setUint8(this.#written(at, 1), value);
    return this;
  }

  setU16At(at: number, value: number): this {
    assertFits(value, 0, 0xffff);
    this.#view.setUint16(this.#written(at, 2), value, true);
    return this;
  }

  setU32At(at: number, value: number): this {
    assertFits(value, 0, 0xffffffff);
    this.#view.setUint32(this.#written(at, 4), value, true);
    return this;
  }

  setI32At(at: number, value: number): this {
    assertFits(value, -0x80000000, 0x7fffffff);
    this.#view.setInt32(this.#written(at, 4), value, true);
    return this;
  }

  setU64At(at: number, value: bigint): this {
    if (BigInt.asUintN(64, value) !== value) throw unfit(value);
    this.#view.setBigUint64(this.#written(at, 8), value, true);
    return this;
  }

  setI64At(at: number, value: bigint): this {
    if (BigInt.asIntN(64, value) !== value) throw unfit(value);
    this.#view.setBigInt64(this.#written(at, 8), value, true);
    return this;
  }

  setSize64At(at: number, value: number): this {
    assertFits(value, 0, Number.MAX_SAFE_INTEGER);
    return this.setU64At(at, BigInt(value));
  }

  setBytesAt(at: number, value: Uint8Array): this {
    this.#data.set(value, this.#written(at, value.length));
    return this;
  }

  /** A copy of everything written so far. */
  finish(): Uint8Array {
    return this.#data.slice(0, this.#length);
  }

  #grow(count: number): number {
    const at = this.#length;
    const need = at + count;
    if (need > this.#data.length) {
      const data = new Uint8Array(Math.max(need, this.#data.length * 2));
      data.set(this.#data);
      this.#data = data;
      this.#view = new DataView(data.buffer);
    }
    this.#length = need;
    return at;
  }

  #written(at: number, count: number): number {
    if (!Number.isInteger(at) || at < 0 || at + count > this.#length) {
      throw new InternalError('write-out-of-range', `wrote ${count} bytes at ${at} of ${this.#length}`);
    }
    return at;
  }
}

function assertFits(value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) throw unfit(value);
}

function unfit(value: number | bigint): InternalError {
  return new InternalError('value-does-not-fit', `${value} does not fit the field it is written to`);
}
