// One file as what it has of an earlier one, so that a machine with the earlier cumulative update downloads some kilobytes of the next. A list
// of "so many new bytes, then so many bytes of the earlier file from there", all in one brotli stream. The bytes of functions stay from one
// cumulative update to the next, and most copies go on where the last one ended; what is in between is addends and symbol numbers.
//
// Nothing here is believed: whoever applies a delta compares the hash of what comes out. Bounds are kept, so that no delta costs more than the
// file that it stands for.
//
// Rejected: fossil-delta 2.0.0, which is a quarter larger on two real cumulative updates and puts the result together as an array of numbers
// without a bound; bsdiff, which sorts the suffixes of the file for less than a kilobyte; content-defined chunks, where nearly every chunk of a
// relocation table differs; zlib and zstd with a dictionary, of which one sees 32 kB and node 20 has no other.

import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

const FORMAT = 1;
const WINDOW = 8;
/** A shorter copy costs more than its bytes, but one that goes on where the last one ended. */
const SHORTEST = 8;
const SHORTEST_ONWARD = 4;
/** Places that are tried for one position. */
const TRIES = 64;
const TABLE_BITS = 18;

interface Copy {
  readonly literal: number;
  readonly from: number;
  readonly length: number;
}

/** What makes `target` of `base`. */
export function encodeDelta(base: Uint8Array, target: Uint8Array): Uint8Array {
  const copies = findCopies(base, target);
  const control: number[] = [FORMAT];
  writeNumber(control, copies.length);
  const literals: Uint8Array[] = [];
  let [at, onward] = [0, 0];
  for (const { literal, from, length } of copies) {
    writeNumber(control, literal);
    writeNumber(control, zigzag(from - onward - literal));
    writeNumber(control, length);
    literals.push(target.subarray(at, at + literal));
    at += literal + length;
    onward = from + length;
  }
  literals.push(target.subarray(at));
  return brotliCompressSync(Buffer.concat([Buffer.from(control), ...literals]), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 },
  });
}

/** Undefined when it is no delta of this base to a file of this length. The result is to be compared with the hash that is expected. */
export function applyDelta(base: Uint8Array, delta: Uint8Array, length: number): Uint8Array | undefined {
  let content: Buffer;
  try {
    // Each copy makes at least four bytes of the target, and has three numbers of at most five.
    content = brotliDecompressSync(delta, { maxOutputLength: 5 * length + 64 });
  } catch {
    return undefined;
  }
  const control = new NumberReader(content);
  if (control.next() !== FORMAT) return undefined;
  const count = control.next();
  if (count > length) return undefined;
  const copies: Copy[] = [];
  let [onward, made] = [0, 0];
  for (let index = 0; index < count; index += 1) {
    const literal = control.next();
    const from = unzigzag(control.next()) + onward + literal;
    const size = control.next();
    made += literal + size;
    if (!(made <= length && from >= 0 && from + size <= base.length)) return undefined;
    copies.push({ literal, from, length: size });
    onward = from + size;
  }
  const target = Buffer.alloc(length);
  let [at, read] = [0, control.position];
  for (const { literal, from, length: size } of copies) {
    target.set(content.subarray(read, read + literal), at);
    target.set(base.subarray(from, from + size), at + literal);
    read += literal;
    at += literal + size;
  }
  const rest = content.subarray(read);
  if (at + rest.length !== length) return undefined;
  target.set(rest, at);
  return target;
}

function findCopies(base: Uint8Array, target: Uint8Array): readonly Copy[] {
  const places = new Places(base);
  const copies: Copy[] = [];
  let [literal, onward] = [0, 0];
  for (let at = 0; at + WINDOW <= target.length; ) {
    let [from, length] = [onward, matchLength(base, onward, target, at)];
    const least = length >= SHORTEST_ONWARD ? length + SHORTEST : SHORTEST - 1;
    for (const place of places.find(target, at)) {
      const found = matchLength(base, place, target, at);
      if (found > Math.max(least, from === onward ? 0 : length)) [from, length] = [place, found];
    }
    if (length >= (from === onward ? SHORTEST_ONWARD : SHORTEST)) {
      copies.push({ literal: at - literal, from, length });
      at += length;
      literal = at;
      onward = from + length;
    } else {
      at += 1;
      onward += 1;
    }
  }
  return copies;
}

function matchLength(base: Uint8Array, from: number, target: Uint8Array, at: number): number {
  let length = 0;
  const most = Math.min(base.length - from, target.length - at);
  while (length < most && base[from + length] === target[at + length]) length += 1;
  return length;
}

/** Where windows of the base begin, by a hash of them. */
class Places {
  readonly #heads = new Int32Array(1 << TABLE_BITS).fill(-1);
  readonly #next: Int32Array;

  constructor(base: Uint8Array) {
    this.#next = new Int32Array(base.length).fill(-1);
    for (let at = base.length - WINDOW; at >= 0; at -= 1) {
      const slot = hashWindow(base, at);
      this.#next[at] = this.#heads[slot] ?? -1;
      this.#heads[slot] = at;
    }
  }

  *find(target: Uint8Array, at: number): Generator<number> {
    let place = this.#heads[hashWindow(target, at)] ?? -1;
    for (let tries = 0; place >= 0 && tries < TRIES; tries += 1) {
      yield place;
      place = this.#next[place] ?? -1;
    }
  }
}

function hashWindow(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let index = 0; index < WINDOW; index += 1)
    hash = Math.imul(hash, 0x9e3779b1) + (bytes[at + index] ?? 0) + 1;
  return (Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) >>> 0) >>> (32 - TABLE_BITS);
}

/** Small numbers of both signs as small numbers. */
function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}

function unzigzag(value: number): number {
  return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
}

function writeNumber(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
}

class NumberReader {
  position = 0;
  constructor(private readonly bytes: Uint8Array) {}

  /** NaN where none is: no comparison holds with it. */
  next(): number {
    let [value, scale] = [0, 1];
    for (let count = 0; count < 5; count += 1, scale *= 128) {
      const byte = this.bytes[this.position];
      if (byte === undefined) return Number.NaN;
      this.position += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return Number.NaN;
  }
}
