// The model of a relocatable object (or a kernel module, which is one): sections that carry their own relocations, symbols
// that point at their sections. Everything later (comparing, matching, writing) works on this and never on file offsets.
//
// The parser refuses instead of guessing: a range outside the file, overlapping sections, a relocation outside its section, a wrong link, too
// many entries are InputErrors with the place. It keeps unknown section types as they are: whether a section matters is decided by the comparison.

import { InputError } from '@resplice/report';
import { ByteReader } from '../bytes/index.js';
import { ensure } from '../map-entry.js';
import {
  ELFCLASS64,
  ELFDATA2LSB,
  Elf64_Ehdr,
  Elf64_Rela,
  Elf64_Shdr,
  Elf64_Sym,
  EM_X86_64,
  ET,
  SHF,
  SHN,
  SHT,
  STT,
} from './elf.layout.js';
import { relocationSize } from './relocation.js';

export interface Relocation {
  /** From the start of the section it is applied to. */
  readonly offset: number;
  readonly type: number;
  readonly symbol: ObjectSymbol;
  readonly addend: number;
}

export interface Section {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly size: number;
  readonly alignment: number;
  readonly entrySize: number;
  readonly link: number;
  readonly info: number;
  /** Empty for NOBITS, whatever `size` says. */
  readonly data: Uint8Array;
  /** In ascending order of offset. */
  readonly relocations: readonly Relocation[];
}

export interface ObjectSymbol {
  readonly index: number;
  /** For a section symbol the section's name. */
  readonly name: string;
  /** From the start of the section. */
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly binding: number;
  readonly visibility: number;
  /** Undefined for an undefined or absolute symbol. */
  readonly section: Section | undefined;
  readonly place: 'section' | 'undefined' | 'absolute' | 'common' | 'livepatch';
}

export interface ObjectFile {
  readonly name: string;
  /** Indexed as in the file; relocation, symbol and string sections included. */
  readonly sections: readonly Section[];
  readonly symbols: readonly ObjectSymbol[];
}

type MutableSection = { -readonly [K in keyof Section]: Section[K] };

/** More than any kernel object has; keeps a damaged header from asking for gigabytes. */
const MAX_SECTIONS = 1 << 20;
/** The largest objects of a kernel have a few megabytes of bss. */
const MAX_ZEROS = 1 << 28;

/** Parses an x86-64 relocatable ELF object. `name` is what error texts call it. */
export function parseObject(bytes: Uint8Array, name: string): ObjectFile {
  const file = new ByteReader(bytes, { file: name });
  const header = readHeader(file);
  const sections = readSections(file, header);
  const symtab = sections.find((section) => section.type === SHT.SYMTAB);
  const symbols = symtab === undefined ? [] : readSymbols(file, sections, symtab);
  const relocations = new Map<MutableSection, Relocation[]>();
  for (const section of sections) {
    if (section.type === SHT.RELA) readRelocations(file, { sections, symbols, relocations }, section);
    if (section.type === SHT.REL) {
      throw malformed(name, section.name, 0, 'relocations without addends', 'SHT_RELA', 'SHT_REL');
    }
  }
  for (const [section, list] of relocations) section.relocations = list.sort((a, b) => a.offset - b.offset);
  assertMachineCode(name, sections);
  return { name, sections, symbols };
}

/** gcc -flto leaves its intermediate code in sections of its own, and nothing beside it. */
function assertMachineCode(name: string, sections: readonly Section[]): void {
  const intermediate = sections.find((section) => section.name.startsWith('.gnu.lto_'));
  const hasCode = sections.some(({ flags, size }) => (flags & SHF.EXECINSTR) !== 0 && size > 0);
  if (intermediate === undefined || hasCode) return;
  throw new InputError(
    'link-time-code',
    `${name}: ${intermediate.name}: holds code for link-time optimization and no machine code; expected an object compiled with -fno-lto`,
    { context: { file: name, section: intermediate.name } },
  );
}

/** The section of that name; the first of several. */
export function findSection(object: ObjectFile, name: string): Section | undefined {
  return object.sections.find((section) => section.name === name);
}

/** What people take for an object; each needs another answer than "damaged". */
const FOREIGN: readonly (readonly [start: string, code: string, what: string, instead: string])[] = [
  ['!<arch>\n', 'archive', 'an archive of objects', 'one object; `ar x` takes them out'],
  ['!<thin>\n', 'archive', 'a thin archive, which only names objects', 'one of the objects that it names'],
  ['BC\xc0\xde', 'bitcode', 'LLVM bitcode', 'an object compiled without -flto'],
  ['\xde\xc0\x17\x0b', 'bitcode', 'LLVM bitcode', 'an object compiled without -flto'],
];

function refuseForeign(file: ByteReader): void {
  const { file: name } = file.source;
  const context = { context: { file: name, offset: 0 } };
  if (file.length === 0)
    throw new InputError('empty-file', `${name}: is empty; expected an object file`, context);
  const start = Buffer.from(file.data.subarray(0, 8)).toString('latin1');
  for (const [magic, code, what, instead] of FOREIGN) {
    if (start.startsWith(magic))
      throw new InputError(code, `${name}: is ${what}; expected ${instead}`, context);
  }
}

function readHeader(file: ByteReader): Elf64_Ehdr {
  refuseForeign(file);
  if (file.length < Elf64_Ehdr.size) {
    file.fail('truncated', 'not an ELF object', `${Elf64_Ehdr.size} bytes`, `${file.length}`);
  }
  // Before anything else is read: in a file of another kind every field is nonsense.
  const ident = file.data;
  if (ident[0] !== 0x7f || ident[1] !== 0x45 || ident[2] !== 0x4c || ident[3] !== 0x46) {
    file.fail('not-elf', 'not an ELF object', '7f 45 4c 46', [...ident.subarray(0, 4)].map(hex2).join(' '));
  }
  if (ident[4] !== ELFCLASS64 || ident[5] !== ELFDATA2LSB) {
    file.fail(
      'wrong-elf-class',
      'unsupported ELF class or byte order',
      '64-bit little-endian',
      `${ident[4]}/${ident[5]}`,
    );
  }
  const header = Elf64_Ehdr.read(file);
  file.seek(0);
  if (header.e_machine !== EM_X86_64) {
    file.fail('wrong-machine', 'unsupported machine', `x86-64 (${EM_X86_64})`, `${header.e_machine}`);
  }
  if (header.e_type !== ET.REL) {
    file.fail('not-relocatable', 'not a relocatable object', `type ${ET.REL}`, `type ${header.e_type}`);
  }
  if (header.e_shentsize !== Elf64_Shdr.size) {
    file.fail(
      'wrong-entry-size',
      'unsupported section header size',
      `${Elf64_Shdr.size}`,
      `${header.e_shentsize}`,
    );
  }
  return header;
}

function readSections(file: ByteReader, header: Elf64_Ehdr): MutableSection[] {
  const first = readHeaderAt(file, header.e_shoff);
  const count = header.e_shnum === 0 ? first.sh_size : header.e_shnum;
  if (count > MAX_SECTIONS)
    file.fail('too-many-sections', 'too many sections', `at most ${MAX_SECTIONS}`, `${count}`);
  const table = file.sub(header.e_shoff, count * Elf64_Shdr.size, 'section headers');
  const headers = Array.from({ length: count }, () => Elf64_Shdr.read(table));
  const stringsAt = header.e_shstrndx === SHN.XINDEX ? first.sh_link : header.e_shstrndx;
  const stringHeader = headers[stringsAt];
  if (stringHeader === undefined) {
    return file.fail('wrong-link', 'no section name table', `an index below ${count}`, `${stringsAt}`);
  }
  const strings = file.sub(stringHeader.sh_offset, stringHeader.sh_size, 'section names');
  const sections = headers.map((raw, index) => {
    strings.seek(raw.sh_name);
    const name = strings.length === 0 ? '' : strings.cstring();
    const empty = raw.sh_type === SHT.NOBITS || raw.sh_type === SHT.NULL;
    const data = empty ? new Uint8Array(0) : file.sub(raw.sh_offset, raw.sh_size, name).data;
    return {
      index,
      name,
      type: raw.sh_type,
      flags: raw.sh_flags,
      size: raw.sh_type === SHT.NULL ? 0 : raw.sh_size,
      alignment: Math.max(1, raw.sh_addralign),
      entrySize: raw.sh_entsize,
      link: raw.sh_link,
      info: raw.sh_info,
      data,
      relocations: [],
    };
  });
  assertNoOverlap(file.source.file, sections, headers);
  assertZeros(file.source.file, sections);
  return sections;
}

/** Sections without bytes in the file are the only ones that can claim more than the file has. */
function assertZeros(file: string, sections: readonly Section[]): void {
  let total = 0;
  for (const { name, type, size } of sections) {
    if (type === SHT.NOBITS) total += size;
    if (total > MAX_ZEROS)
      throw new InputError(
        'section-too-large',
        `${file}: ${name}+0x0: claims ${size} bytes of zeros; expected at most ${MAX_ZEROS} in all`,
        { context: { file, section: name, offset: 0 } },
      );
  }
}

function readHeaderAt(file: ByteReader, offset: number): Elf64_Shdr {
  return Elf64_Shdr.read(file.sub(offset, Elf64_Shdr.size, 'section headers'));
}

/** Two sections over the same bytes would let one damage the other unseen. */
function assertNoOverlap(file: string, sections: readonly Section[], headers: readonly Elf64_Shdr[]): void {
  const used = headers
    .map((header, index) => ({
      start: header.sh_offset,
      end: header.sh_offset + (sections[index]?.data.length ?? 0),
      index,
    }))
    .filter((range) => range.end > range.start)
    .sort((a, b) => a.start - b.start);
  let previous = used[0];
  for (const range of used.slice(1)) {
    if (previous !== undefined && range.start < previous.end) {
      const names = [sections[previous.index]?.name, sections[range.index]?.name];
      throw malformed(
        file,
        names[1] ?? '',
        0,
        'sections overlap in the file',
        `a start at or behind 0x${previous.end.toString(16)} (end of ${names[0]})`,
        `0x${range.start.toString(16)}`,
      );
    }
    previous = range;
  }
}

function readSymbols(file: ByteReader, sections: readonly Section[], symtab: Section): ObjectSymbol[] {
  const source = { file: file.source.file, section: symtab.name };
  const strtab = sections[symtab.link];
  if (strtab === undefined || strtab.type !== SHT.STRTAB) {
    throw malformed(source.file, symtab.name, 0, 'no string table', 'a link to SHT_STRTAB', `${symtab.link}`);
  }
  const strings = new ByteReader(strtab.data, { file: source.file, section: strtab.name });
  const extended = sections.find(
    (section) => section.type === SHT.SYMTAB_SHNDX && section.link === symtab.index,
  );
  const reader = new ByteReader(symtab.data, source);
  const count = Math.floor(symtab.data.length / Elf64_Sym.size);
  const symbols: ObjectSymbol[] = [];
  for (let index = 0; index < count; index++) {
    const raw = Elf64_Sym.read(reader);
    const shndx =
      raw.st_shndx === SHN.XINDEX ? readExtendedIndex(source.file, extended, index) : raw.st_shndx;
    const place = placeOf(raw.st_shndx, shndx);
    const section = place === 'section' ? sections[shndx] : undefined;
    if (place === 'section' && section === undefined) {
      throw malformed(
        source.file,
        symtab.name,
        index * Elf64_Sym.size,
        'a symbol in no section',
        `an index below ${sections.length}`,
        `${shndx}`,
      );
    }
    // The end of a section is a place that labels may have.
    if (section !== undefined && raw.st_value > BigInt(section.size)) {
      throw malformed(
        source.file,
        symtab.name,
        index * Elf64_Sym.size,
        `a symbol outside of ${section.name}`,
        `an offset up to 0x${section.size.toString(16)}`,
        `0x${raw.st_value.toString(16)}`,
      );
    }
    const type = raw.st_info & 0xf;
    strings.seek(raw.st_name);
    symbols.push({
      index,
      name: type === STT.SECTION ? (section?.name ?? '') : strings.cstring(),
      value: symbolValue(raw.st_value),
      size: raw.st_size,
      type,
      binding: raw.st_info >> 4,
      visibility: raw.st_other & 3,
      section,
      place,
    });
  }
  return symbols;
}

function placeOf(raw: number, index: number): ObjectSymbol['place'] {
  if (raw === SHN.UNDEF) return 'undefined';
  if (raw === SHN.ABS) return 'absolute';
  if (raw === SHN.COMMON) return 'common';
  if (raw === SHN.LIVEPATCH) return 'livepatch';
  return index === 0 ? 'undefined' : 'section';
}

/** Absolute symbols may hold any 64-bit value (`__crc_…`); they are only named, so an unsafe one is cut to its low 32 bits. */
function symbolValue(value: bigint): number {
  return Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt.asUintN(32, value) : value);
}

function readExtendedIndex(file: string, extended: Section | undefined, index: number): number {
  if (extended === undefined) {
    throw malformed(
      file,
      '.symtab_shndx',
      index * 4,
      'no extended section index',
      'SHT_SYMTAB_SHNDX',
      'none',
    );
  }
  return new ByteReader(extended.data, { file, section: extended.name }).sub(index * 4, 4).u32();
}

interface RelocationTargets {
  readonly sections: readonly MutableSection[];
  readonly symbols: readonly ObjectSymbol[];
  /** Several lists may be for one section. */
  readonly relocations: Map<MutableSection, Relocation[]>;
}

function readRelocations(
  file: ByteReader,
  { sections, symbols, relocations: all }: RelocationTargets,
  rela: Section,
): void {
  const name = file.source.file;
  const target = sections[rela.info];
  if (target === undefined || target.type === SHT.NULL || target === rela) {
    throw malformed(
      name,
      rela.name,
      0,
      'relocations for no section',
      `an index below ${sections.length}`,
      `${rela.info}`,
    );
  }
  const reader: ByteReader = new ByteReader(rela.data, { file: name, section: rela.name });
  const relocations = ensure(all, target, () => []);
  const count = Math.floor(rela.data.length / Elf64_Rela.size);
  for (let index = 0; index < count; index++) {
    const raw = Elf64_Rela.read(reader);
    const symbol = symbols[raw.r_sym];
    if (symbol === undefined)
      reader.fail(
        'wrong-symbol',
        'a relocation to no symbol',
        `an index below ${symbols.length}`,
        `${raw.r_sym}`,
      );
    if (raw.r_offset + relocationSize(raw.r_type) > target.size) {
      reader.fail(
        'relocation-outside',
        `a relocation outside ${target.name}`,
        `an offset below 0x${target.size.toString(16)}`,
        `0x${raw.r_offset.toString(16)}`,
      );
    }
    const addend = Number(raw.r_addend);
    if (!Number.isSafeInteger(addend))
      reader.fail('number-too-large', 'an addend is too large', 'at most 2^53', `${raw.r_addend}`);
    relocations.push({ offset: raw.r_offset, type: raw.r_type, symbol, addend });
  }
}

function malformed(
  file: string,
  section: string,
  offset: number,
  what: string,
  expected: string,
  got: string,
): InputError {
  return new InputError(
    'malformed-object',
    `${file}: ${section}+0x${offset.toString(16)}: ${what}; expected ${expected}, got ${got}`,
    {
      context: { file, section, offset },
    },
  );
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, '0');
}
