// Sections under construction: bytes are appended, relocations recorded, and the order of arrival is the order in the file.

import { ByteWriter } from '../bytes/index.js';
import { SHF, SHT, STB, STT } from '../elf/elf.layout.js';
import type { NewObject, NewRelocation, NewRelocations, NewSection, NewSymbol } from '../elf/encode.js';
import { ensure } from '../map-entry.js';

export interface SectionShape {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly entrySize: number;
  /** Byte between entries. */
  readonly fill: number;
}

export class SectionBuilder {
  readonly shape: SectionShape;
  readonly relocations: NewRelocation[] = [];
  readonly #writer = new ByteWriter();
  #size = 0;
  #alignment = 1;
  /** Completed in place by `finish`, so that symbols can refer to it from the start. */
  readonly section: { -readonly [K in keyof NewSection]: NewSection[K] };
  readonly symbol: NewSymbol;

  constructor(shape: SectionShape) {
    this.shape = shape;
    const { name, type, flags, entrySize } = shape;
    this.section = { name, type, flags, entrySize, alignment: 1, data: new Uint8Array(0), size: 0 };
    this.symbol = { name, place: this.section, value: 0, size: 0, type: STT.SECTION, binding: STB.LOCAL };
  }

  /** Reserves room for `bytes` so that the byte `prefix` into them is aligned; returns the offset of that byte. */
  append(bytes: Uint8Array, alignment: number, prefix = 0): number {
    this.#alignment = Math.max(this.#alignment, alignment);
    const gap = (alignment - ((this.#size + prefix) % alignment)) % alignment;
    const start = this.#size + gap;
    if (this.shape.type !== SHT.NOBITS) this.#writer.fill(gap, this.shape.fill).bytes(bytes);
    this.#size = start + bytes.length;
    return start + prefix;
  }

  finish(): NewSection {
    this.section.data = this.#writer.finish();
    this.section.size = this.#size;
    this.section.alignment = this.#alignment;
    return this.section;
  }
}

/** All sections and symbols of an object under construction. */
export class ObjectBuilder {
  readonly #sections = new Map<string, SectionBuilder>();
  readonly #symbols: NewSymbol[] = [];
  readonly #undefined = new Map<string, { -readonly [K in keyof NewSymbol]: NewSymbol[K] }>();

  section(shape: SectionShape): SectionBuilder {
    return ensure(this.#sections, shape.name, () => new SectionBuilder(shape));
  }

  define(symbol: NewSymbol): NewSymbol {
    this.#symbols.push(symbol);
    return symbol;
  }

  /** The undefined symbol of that name, weak as long as it is only asked for as weak. */
  import(name: string, binding: number = STB.GLOBAL): NewSymbol {
    let symbol = this.#undefined.get(name);
    if (symbol === undefined) {
      symbol = { name, place: 'undefined', value: 0, size: 0, type: STT.NOTYPE, binding };
      this.#undefined.set(name, symbol);
    }
    if (binding === STB.GLOBAL) symbol.binding = STB.GLOBAL;
    return symbol;
  }

  finish(): NewObject {
    const builders = [...this.#sections.values()];
    const sections = builders.map((builder) => builder.finish());
    const relocations = builders.flatMap((builder): NewRelocations[] => {
      if (builder.relocations.length === 0) return [];
      const entries = builder.relocations.toSorted((a, b) => a.offset - b.offset);
      return [{ name: `.rela${builder.shape.name}`, target: builder.section, flags: 0, entries }];
    });
    const symbols = [
      ...builders.map((builder) => builder.symbol),
      ...this.#symbols,
      ...this.#undefined.values(),
    ];
    return { sections, symbols, relocations };
  }
}

const TEXT = { type: SHT.PROGBITS, flags: SHF.ALLOC | SHF.EXECINSTR, entrySize: 0, fill: 0xcc } as const;
const READ_ONLY = { type: SHT.PROGBITS, flags: SHF.ALLOC, entrySize: 0, fill: 0 } as const;
const DATA = { type: SHT.PROGBITS, flags: SHF.ALLOC | SHF.WRITE, entrySize: 0, fill: 0 } as const;

/** Shapes of the sections that an update is made of. */
export const SHAPES = {
  text: { name: '.text', ...TEXT },
  rodata: { name: '.rodata', ...READ_ONLY },
  data: { name: '.data', ...DATA },
  /** Places that objtool shall take for the end of a path. */
  unreachable: { name: '.discard.unreachable', type: SHT.PROGBITS, flags: 0, entrySize: 0, fill: 0 },
  /** Functions whose address may be in data though they do not start with ENDBR. */
  withoutEndbr: { name: '.discard.noendbr', type: SHT.PROGBITS, flags: 0, entrySize: 0, fill: 0 },
  bss: { name: '.bss', ...DATA, type: SHT.NOBITS },
  percpu: { name: '.data..percpu', ...DATA },
} as const satisfies Record<string, SectionShape>;
