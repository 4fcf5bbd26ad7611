// The target kernel describes its own structures in its .BTF section, so no structure that varies by kernel is ever guessed
// from a version. There are some 150,000 types, of which we need a dozen: one pass stores where each type and its name
// begin, in typed arrays; everything else is decoded when asked for. Rejected: an object per type (0.5 s and 100 MB), and running
// pahole (a tool that need not be there, with text to parse).
// A malformed blob may hold cycles, ids out of range or absurd counts: each walk has a depth limit and each id a check.

import { InputError } from '@resplice/report';
import { ByteReader, type ByteSource } from '../bytes/index.js';
import {
  BTF_KIND,
  BTF_MAGIC,
  BTF_TRAILERS,
  BTF_VERSION,
  type BtfKind,
  btf_array,
  btf_header,
  btf_type,
} from './btf.layout.js';

const POINTER_SIZE = 8;
/** Real chains of typedefs, modifiers and arrays have fewer than ten links. */
const MAX_CHAIN = 64;

/** One type, decoded; what follows it in the blob is read from `body`. */
export interface BtfType {
  readonly id: number;
  readonly kind: BtfKind;
  /** Empty when anonymous. */
  readonly name: string;
  /** Number of members, values, parameters or variables. */
  readonly count: number;
  /** The `kind_flag` bit: bitfield sizes in member offsets, signedness of an enum, union of a forward. */
  readonly flag: boolean;
  /** Size in bytes, or the id of another type; which one depends on the kind. */
  readonly sizeOrType: number;
  /** Offset of the bytes behind `btf_type`, in the type section. */
  readonly body: number;
}

/** Parsed type information; types are decoded when asked for. Every failure is an `InputError`. */
export class Btf {
  readonly #types: ByteReader;
  readonly #strings: ByteReader;
  readonly #offsets: Uint32Array;
  readonly #names: Uint32Array;

  constructor(types: ByteReader, strings: ByteReader) {
    this.#types = types;
    this.#strings = strings;
    [this.#offsets, this.#names] = indexTypes(types);
  }

  /** Number of types including `void`, which is type 0. */
  get typeCount(): number {
    return this.#offsets.length;
  }

  type(id: number): BtfType {
    if (!Number.isInteger(id) || id < 0 || id >= this.typeCount) {
      this.#types.fail('btf-type-out-of-range', 'a type id', `less than ${this.typeCount}`, `${id}`);
    }
    if (id === 0) {
      return { id, kind: BTF_KIND.UNKN, name: 'void', count: 0, flag: false, sizeOrType: 0, body: 0 };
    }
    const at = this.#offsets[id] ?? 0;
    this.#types.seek(at);
    const { name_off, info, size_or_type } = btf_type.read(this.#types);
    return {
      id,
      kind: kindOf(info) as BtfKind,
      name: this.string(name_off),
      count: info & 0xffff,
      flag: info >>> 31 === 1,
      sizeOrType: size_or_type,
      body: at + btf_type.size,
    };
  }

  /** A reader over the `length` bytes behind a type. */
  body(type: BtfType, length: number): ByteReader {
    return this.#types.sub(type.body, length);
  }

  string(offset: number): string {
    this.#strings.seek(offset);
    return this.#strings.cstring();
  }

  /** Ids of all types of this kind and name, in their order; a name may end inside another's string. */
  findTypeIds(kind: BtfKind, name: string): readonly number[] {
    const offsets = new Set<number>();
    const strings = Buffer.from(
      this.#strings.data.buffer,
      this.#strings.data.byteOffset,
      this.#strings.data.byteLength,
    );
    const needle = Buffer.from(`${name}\0`);
    for (let at = strings.indexOf(needle); at >= 0; at = strings.indexOf(needle, at + 1)) offsets.add(at);
    const ids: number[] = [];
    if (offsets.size === 0) return ids;
    for (let id = 1; id < this.#names.length; id++) {
      if (offsets.has(this.#names[id] ?? 0) && this.type(id).kind === kind) ids.push(id);
    }
    return ids;
  }

  /** The type behind typedefs, const, volatile, restrict and type tags. */
  resolve(id: number): BtfType {
    let type = this.type(id);
    for (let links = 0; isModifier(type.kind); links++) {
      if (links === MAX_CHAIN) this.#failLoop(id);
      type = this.type(type.sizeOrType);
    }
    return type;
  }

  /** Size of a type in bytes; functions, `void` and forward declarations have none. */
  sizeOf(id: number): number {
    let elements = 1;
    let type = this.resolve(id);
    for (let links = 0; type.kind === BTF_KIND.ARRAY; links++) {
      if (links === MAX_CHAIN) this.#failLoop(id);
      const array = btf_array.read(this.body(type, btf_array.size));
      elements *= array.nelems;
      type = this.resolve(array.type);
    }
    const size = elements * this.#elementSize(type);
    if (!Number.isSafeInteger(size)) {
      this.#types.fail('btf-type-too-large', `the size of type ${id}`, 'at most 2^53-1 bytes', `${size}`);
    }
    return size;
  }

  #elementSize(type: BtfType): number {
    switch (type.kind) {
      case BTF_KIND.PTR:
        return POINTER_SIZE;
      case BTF_KIND.INT:
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
      case BTF_KIND.FLOAT:
      case BTF_KIND.DATASEC:
        return type.sizeOrType;
      default:
        return this.#types.fail(
          'btf-type-without-size',
          `type ${type.id} (${type.name || 'anonymous'}) has no size`,
          'an integer, pointer, struct, union, enum or array',
          `kind ${type.kind}`,
        );
    }
  }

  #failLoop(id: number): never {
    return this.#types.fail(
      'btf-type-loop',
      `type ${id} never ends`,
      `at most ${MAX_CHAIN} links`,
      'a longer chain or a loop',
    );
  }
}

/** Reads the header of a `.BTF` section and finds its types. The source names it in errors. */
export function parseBtf(data: Uint8Array, source: ByteSource): Btf {
  const reader = new ByteReader(data, source);
  const header = btf_header.read(reader);
  const bad = (what: string, expected: string, got: string): never => {
    throw new InputError('not-btf', `${reader.place(0)}: ${what}; expected ${expected}, got ${got}`);
  };
  if (header.magic !== BTF_MAGIC) bad('this is not BTF', '0xeb9f', `0x${header.magic.toString(16)}`);
  if (header.version !== BTF_VERSION) bad('BTF version', `${BTF_VERSION}`, `${header.version}`);
  if (header.hdr_len < btf_header.size) bad('BTF header', `${btf_header.size} bytes`, `${header.hdr_len}`);
  const types = reader.sub(header.hdr_len + header.type_off, header.type_len);
  const strings = reader.sub(header.hdr_len + header.str_off, header.str_len);
  return new Btf(types, strings);
}

function indexTypes(reader: ByteReader): readonly [offsets: Uint32Array, names: Uint32Array] {
  // The smallest type has no trailer, which bounds the number of types; type 0 is `void` and is not stored.
  const capacity = Math.floor(reader.length / btf_type.size) + 1;
  const offsets = new Uint32Array(capacity);
  const names = new Uint32Array(capacity);
  let id = 1;
  reader.seek(0);
  for (; reader.remaining > 0; id++) {
    offsets[id] = reader.offset;
    names[id] = reader.u32();
    const info = reader.u32();
    reader.u32();
    const trailer = BTF_TRAILERS.get(kindOf(info));
    if (trailer === undefined) {
      return reader.fail('btf-kind-unknown', `the kind of type ${id}`, '1 to 19', `${kindOf(info)}`);
    }
    reader.skip(trailer.fixed + trailer.each * (info & 0xffff));
  }
  return [offsets.subarray(0, id), names.subarray(0, id)];
}

function kindOf(info: number): number {
  return (info >>> 24) & 0x1f;
}

function isModifier(kind: BtfKind): boolean {
  return (
    kind === BTF_KIND.TYPEDEF ||
    kind === BTF_KIND.CONST ||
    kind === BTF_KIND.VOLATILE ||
    kind === BTF_KIND.RESTRICT ||
    kind === BTF_KIND.TYPE_TAG
  );
}
