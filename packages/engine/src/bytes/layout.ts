// A binary structure is declared once, as a table of its fields, and is read, written and measured by that table.
// Fields must lie at their natural alignment and padding must be spelled out, so that a descriptor always has the size and the
// offsets of the C structure it stands for; a test compares them with gcc. Rejected: computing padding silently (a forgotten
// field would shift all others without a word), and decorators or classes per structure (more code than the table).

import { InternalError } from '@resplice/report';
import type { ByteReader } from './reader.js';
import type { ByteWriter } from './writer.js';

/** A fixed array of bytes inside a structure. */
export interface BytesField {
  readonly kind: 'bytes';
  readonly length: number;
}

/** `size64` is a 64-bit field whose value is a size, offset or count: a number, range-checked when read. */
export type FieldKind = 'u8' | 'u16' | 'u32' | 'u64' | 'i8' | 'i16' | 'i32' | 'i64' | 'size64' | BytesField;

export type Fields = Readonly<Record<string, FieldKind>>;

type FieldValue<K extends FieldKind> = K extends 'u64' | 'i64'
  ? bigint
  : K extends BytesField
    ? Uint8Array
    : number;

/** The value of a structure with the given fields. */
export type StructOf<F extends Fields> = { readonly [K in keyof F]: FieldValue<F[K]> };

export interface Layout<F extends Fields> {
  readonly name: string;
  readonly size: number;
  readonly fields: readonly (keyof F & string)[];
  offsetOf(field: keyof F): number;
  read(reader: ByteReader): StructOf<F>;
  write(writer: ByteWriter, value: StructOf<F>): void;
}

/** The value type of a layout: `LayoutValue<typeof Elf64_Sym>`. */
export type LayoutValue<L> = L extends Layout<infer F> ? StructOf<F> : never;

export function bytes(length: number): BytesField {
  return { kind: 'bytes', length };
}

/** Declares a structure; fields in memory order, padding included. */
export function defineLayout<const F extends Fields>(name: string, fields: F): Layout<F> {
  const entries = Object.entries(fields);
  const { offsets, size } = place(name, entries);
  return {
    name,
    size,
    fields: Object.keys(fields),
    offsetOf(field) {
      const offset = offsets.get(String(field));
      if (offset === undefined) throw new InternalError('no-such-field', `${name} has no ${String(field)}`);
      return offset;
    },
    read(reader) {
      const value: Record<string, number | bigint | Uint8Array> = {};
      for (const [key, kind] of entries) value[key] = readField(reader, kind);
      return value as StructOf<F>;
    },
    write(writer, value) {
      for (const [key, kind] of entries) writeField(writer, kind, value[key]);
    },
  };
}

const SIZES = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, u64: 8, i64: 8, size64: 8 } as const;

function place(name: string, entries: readonly (readonly [string, FieldKind])[]) {
  const offsets = new Map<string, number>();
  let size = 0;
  let alignment = 1;
  for (const [key, kind] of entries) {
    const [length, align] =
      typeof kind === 'string' ? ([SIZES[kind], SIZES[kind]] as const) : [kind.length, 1];
    if (size % align !== 0) {
      throw new InternalError(
        'layout-not-aligned',
        `${name}.${key} lies at ${size}; add the padding before it`,
      );
    }
    offsets.set(key, size);
    size += length;
    alignment = Math.max(alignment, align);
  }
  if (size % alignment !== 0) {
    throw new InternalError('layout-not-aligned', `${name} ends at ${size}; add the padding at its end`);
  }
  return { offsets, size };
}

function readField(reader: ByteReader, kind: FieldKind): number | bigint | Uint8Array {
  return typeof kind === 'string' ? reader[kind]() : reader.bytes(kind.length);
}

function writeField(writer: ByteWriter, kind: FieldKind, value: unknown): void {
  if (typeof kind !== 'string') {
    if (!(value instanceof Uint8Array) || value.length !== kind.length) {
      throw new InternalError('value-does-not-fit', `expected ${kind.length} bytes`);
    }
    writer.bytes(value);
  } else if (kind === 'u64' || kind === 'i64') {
    if (typeof value !== 'bigint')
      throw new InternalError('value-does-not-fit', `expected a bigint for ${kind}`);
    writer[kind](value);
  } else {
    if (typeof value !== 'number')
      throw new InternalError('value-does-not-fit', `expected a number for ${kind}`);
    writer[kind](value);
  }
}
