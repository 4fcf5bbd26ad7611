// Finds the kallsyms tables in a kernel that has no symbols to point at them. scripts/kallsyms.c writes them one behind the other
// into .rodata, each at an 8-byte boundary, but in an order that has changed over time:
//   up to 6.3: [offsets, relative_base, num_syms, names, markers, seqs_of_names (6.2+ and backports), token_table, token_index]
//   since 6.4: [num_syms, names, markers, token_table, token_index, offsets, relative_base, seqs_of_names]
// Approach: recognise each table by what must be true of it, never by version, and demand exactly one candidate.
// - token_table: 256 texts of which the ten for the digits are the digits themselves (symbols with digits always exist), and
//   token_index: 256 numbers that say where each of them begins.
// - num_syms/names/markers: a count, then as many length-prefixed entries, then their offsets, every 256th, exactly.
// - offsets/relative_base: as many numbers which, decoded, are ascending addresses, then a base inside the image.
// - seqs_of_names: a permutation of all indexes.
// Rejected: scanning for a known symbol's compressed name (tokens differ per build), asking the user for System.map (Debian ships none).

import { InputError } from '@resplice/report';
import type { ImageSection } from './kernel-image.js';

export interface KallsymsTables {
  readonly count: number;
  /** Length-prefixed compressed names. */
  readonly names: Uint8Array;
  /** The text of each of the 256 tokens. */
  readonly tokens: readonly Uint8Array[];
  /** Decoded, ascending. */
  readonly addresses: BigUint64Array;
  /** Indexes in the order of names, or undefined when the kernel has no such table. */
  readonly sequence: Uint32Array | undefined;
}

const ALIGNMENT = 8;
const TOKENS = 256;
const MARKER_STEP = 256;
const MIN_SYMBOLS = 1000;
/** seqs_of_names stores an index in three bytes. */
const MAX_SYMBOLS = 1 << 24;

/** Finds and decodes the tables in the read-only data of the image named `file`. */
export function findKallsymsTables(rodata: ImageSection, file: string): KallsymsTables {
  const { bytes } = rodata;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (what: string, found: number): never => {
    throw new InputError(
      'kallsyms-not-found',
      `${file}: .rodata: ${what}; expected exactly one candidate, got ${found} (is this a complete kernel with CONFIG_KALLSYMS?)`,
    );
  };
  const only = <T>(what: string, candidates: readonly T[]): T => {
    const [candidate] = candidates;
    return candidate !== undefined && candidates.length === 1 ? candidate : fail(what, candidates.length);
  };
  const tokens = only('kallsyms token table', findTokens(bytes, view));
  const names = only('kallsyms names', findNames(bytes, view));
  // Where offsets may begin: right before num_syms with the base between, or right behind token_index.
  const offsetsLength = align(names.count * 4);
  const starts = [names.start - ALIGNMENT - offsetsLength - ALIGNMENT, tokens.end];
  const offsets = only(
    'kallsyms offsets',
    starts.flatMap((start) => decodeOffsets(view, start, { count: names.count, section: rodata })),
  );
  const sequences = [names.end, offsets.end].flatMap((start) => decodeSequence(bytes, start, names.count));
  return {
    count: names.count,
    names: bytes.subarray(names.start, names.end),
    tokens: tokens.tokens,
    addresses: offsets.addresses,
    sequence: sequences.length === 0 ? undefined : only('kallsyms sequence of names', sequences),
  };
}

interface Tokens {
  readonly tokens: readonly Uint8Array[];
  /** First byte behind token_index. */
  readonly end: number;
}

function findTokens(bytes: Uint8Array, view: DataView): readonly Tokens[] {
  const found: Tokens[] = [];
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const digits = Buffer.from([...'0123456789'].map((digit) => `${digit}\0`).join(''), 'latin1');
  for (let at = buffer.indexOf(digits); at >= 0; at = buffer.indexOf(digits, at + 1)) {
    const tokens = checkTokens(bytes, view, at);
    if (tokens !== undefined) found.push(tokens);
  }
  return found;
}

/** `digit` is where the text of token '0' begins. */
function checkTokens(bytes: Uint8Array, view: DataView, digit: number): Tokens | undefined {
  const zero = '0'.charCodeAt(0);
  let end = digit;
  for (let token = zero; token < TOKENS; token++) {
    end = bytes.indexOf(0, end) + 1;
    if (end === 0) return undefined;
  }
  const index = align(end);
  if (index + TOKENS * 2 > bytes.length) return undefined;
  const start = digit - view.getUint16(index + zero * 2, true);
  if (start < 0) return undefined;
  const tokens: Uint8Array[] = [];
  let at = start;
  for (let token = 0; token < TOKENS; token++) {
    const stop = bytes.indexOf(0, at);
    if (stop < 0 || view.getUint16(index + token * 2, true) !== at - start) return undefined;
    tokens.push(bytes.subarray(at, stop));
    at = stop + 1;
  }
  return at === end ? { tokens, end: index + TOKENS * 2 } : undefined;
}

interface Names {
  readonly count: number;
  readonly start: number;
  /** First byte behind the markers. */
  readonly end: number;
}

function findNames(bytes: Uint8Array, view: DataView): readonly Names[] {
  const found: Names[] = [];
  for (let at = 0; at + ALIGNMENT <= bytes.length; at += ALIGNMENT) {
    const count = view.getUint32(at, true);
    if (count < MIN_SYMBOLS || count >= MAX_SYMBOLS || view.getUint32(at + 4, true) !== 0) continue;
    const end = checkNames(bytes, view, at + ALIGNMENT, count);
    if (end !== undefined) found.push({ count, start: at + ALIGNMENT, end });
  }
  return found;
}

/** Walks `count` names and compares the markers behind them; returns where the markers end. */
function checkNames(bytes: Uint8Array, view: DataView, start: number, count: number): number | undefined {
  const markers: number[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (i % MARKER_STEP === 0) markers.push(at - start);
    const length = nameLength(bytes, at);
    if (length === 0 || at + length >= bytes.length) return undefined;
    at += length + (length < 0x80 ? 1 : 2);
  }
  const table = align(at);
  if (table + markers.length * 4 > bytes.length) return undefined;
  if (markers.some((marker, i) => view.getUint32(table + i * 4, true) !== marker)) return undefined;
  return align(table + markers.length * 4);
}

/** A name's length in tokens; 128 and more take two bytes, low seven bits first. */
export function nameLength(bytes: Uint8Array, at: number): number {
  const low = bytes[at] ?? 0;
  return low < 0x80 ? low : (low & 0x7f) | ((bytes[at + 1] ?? 0) << 7);
}

interface Offsets {
  readonly addresses: BigUint64Array;
  /** First byte behind relative_base. */
  readonly end: number;
}

interface OffsetsShape {
  readonly count: number;
  readonly section: ImageSection;
}

/**
 * With CONFIG_KALLSYMS_ABSOLUTE_PERCPU (64-bit x86 with SMP) an offset of 0 or more is an absolute value and a negative one
 * counts down from the base; without, offsets are unsigned and count up. Both ascend, so a negative one tells which it is.
 */
function decodeOffsets(view: DataView, start: number, shape: OffsetsShape): readonly Offsets[] {
  const baseAt = start + align(shape.count * 4);
  if (start < 0 || start % ALIGNMENT !== 0 || baseAt + 8 > view.byteLength) return [];
  const base = view.getBigUint64(baseAt, true);
  // The base is the lowest relative address, that of the kernel's text; read-only data comes behind it within 2 GB.
  const distance = shape.section.address - base;
  if (distance < 0n || distance > 0x7fffffffn) return [];
  let absolutePercpu = false;
  for (let i = 0; i < shape.count && !absolutePercpu; i++) {
    absolutePercpu = view.getInt32(start + i * 4, true) < 0;
  }
  const addresses = new BigUint64Array(shape.count);
  let previous = 0n;
  for (let i = 0; i < shape.count; i++) {
    const offset = view.getInt32(start + i * 4, true);
    const address =
      absolutePercpu && offset >= 0 ? BigInt(offset) : base + BigInt(offset < 0 ? -1 - offset : offset);
    if (address < previous) return [];
    addresses[i] = address;
    previous = address;
  }
  return [{ addresses, end: baseAt + 8 }];
}

function decodeSequence(bytes: Uint8Array, start: number, count: number): readonly Uint32Array[] {
  if (start + count * 3 > bytes.length) return [];
  const seen = new Uint8Array(count);
  const sequence = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const at = start + i * 3;
    const index = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    if (index >= count || seen[index] === 1) return [];
    seen[index] = 1;
    sequence[i] = index;
  }
  return [sequence];
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}
