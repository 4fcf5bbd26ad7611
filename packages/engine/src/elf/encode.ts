// Writes a relocatable object. The order of everything is that of the model, so the same model always gives the same bytes.

import { InternalError } from '@resplice/report';
import { ByteWriter } from '../bytes/index.js';
import {
  ELFCLASS64,
  ELFDATA2LSB,
  Elf64_Ehdr,
  Elf64_Rela,
  Elf64_Shdr,
  Elf64_Sym,
  EM_X86_64,
  ET,
  EV_CURRENT,
  SHF,
  SHN,
  SHT,
  STB,
  STT,
} from './elf.layout.js';

export interface NewSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly alignment: number;
  readonly entrySize: number;
  readonly data: Uint8Array;
  /** For NOBITS, whose `data` is empty. */
  readonly size: number;
}

export interface NewSymbol {
  readonly name: string;
  readonly place: NewSection | 'undefined' | 'livepatch';
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly binding: number;
}

export interface NewRelocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: NewSymbol;
  readonly addend: number;
}

/** Relocations of one section; a section may have several such lists under different names. */
export interface NewRelocations {
  readonly name: string;
  readonly target: NewSection;
  /** Besides SHF_INFO_LINK. */
  readonly flags: number;
  readonly entries: readonly NewRelocation[];
}

export interface NewObject {
  readonly sections: readonly NewSection[];
  /** Local ones may stand anywhere; they are put before the others. */
  readonly symbols: readonly NewSymbol[];
  readonly relocations: readonly NewRelocations[];
}

interface Placed {
  readonly name: number;
  readonly section: Omit<NewSection, 'name'>;
  readonly link: number;
  readonly info: number;
}

/** Encodes an x86-64 ELF relocatable object. */
export function encodeObject(object: NewObject): Uint8Array {
  const symbols = [...object.symbols].sort(
    (a, b) => Number(a.binding !== STB.LOCAL) - Number(b.binding !== STB.LOCAL),
  );
  const symbolIndex = new Map(symbols.map((symbol, index) => [symbol, index + 1]));
  const sectionIndex = new Map(object.sections.map((section, index) => [section, index + 1]));
  const names = new StringTable();
  const strings = new StringTable();
  const symtabIndex = object.sections.length + object.relocations.length + 1;
  const placed: Placed[] = object.sections.map((section) => ({
    name: names.add(section.name),
    section,
    link: 0,
    info: 0,
  }));
  for (const list of object.relocations) {
    const data = encodeRelocations(list, symbolIndex);
    const section = {
      type: SHT.RELA,
      flags: SHF.INFO_LINK | list.flags,
      alignment: 8,
      entrySize: Elf64_Rela.size,
      data,
      size: data.length,
    };
    placed.push({
      name: names.add(list.name),
      section,
      link: symtabIndex,
      info: sectionIndex.get(list.target) ?? 0,
    });
  }
  const firstGlobal = symbols.filter((symbol) => symbol.binding === STB.LOCAL).length + 1;
  const symtab = encodeSymbols(symbols, sectionIndex, strings);
  placed.push({
    name: names.add('.symtab'),
    section: table(SHT.SYMTAB, symtab, Elf64_Sym.size),
    link: symtabIndex + 1,
    info: firstGlobal,
  });
  placed.push({
    name: names.add('.strtab'),
    section: table(SHT.STRTAB, strings.finish(), 0),
    link: 0,
    info: 0,
  });
  const shstrtab = names.add('.shstrtab');
  placed.push({ name: shstrtab, section: table(SHT.STRTAB, names.finish(), 0), link: 0, info: 0 });
  return writeFile(placed);
}

function table(type: number, data: Uint8Array, entrySize: number): Omit<NewSection, 'name'> {
  return { type, flags: 0, alignment: entrySize === 0 ? 1 : 8, entrySize, data, size: data.length };
}

function encodeRelocations(list: NewRelocations, symbolIndex: ReadonlyMap<NewSymbol, number>): Uint8Array {
  const writer = new ByteWriter();
  for (const { offset, type, symbol, addend } of list.entries) {
    const r_sym = symbolIndex.get(symbol);
    if (r_sym === undefined)
      throw new InternalError('foreign-symbol', `${list.name}: ${symbol.name} is not in the symbol table`);
    Elf64_Rela.write(writer, { r_offset: offset, r_type: type, r_sym, r_addend: BigInt(addend) });
  }
  return writer.finish();
}

function encodeSymbols(
  symbols: readonly NewSymbol[],
  sectionIndex: ReadonlyMap<NewSection, number>,
  strings: StringTable,
): Uint8Array {
  const writer = new ByteWriter();
  writer.fill(Elf64_Sym.size);
  for (const symbol of symbols) {
    Elf64_Sym.write(writer, {
      st_name: symbol.type === STT.SECTION ? 0 : strings.add(symbol.name),
      st_info: (symbol.binding << 4) | symbol.type,
      st_other: 0,
      st_shndx: sectionNumber(symbol, sectionIndex),
      st_value: BigInt(symbol.value),
      st_size: symbol.size,
    });
  }
  return writer.finish();
}

function sectionNumber(symbol: NewSymbol, sectionIndex: ReadonlyMap<NewSection, number>): number {
  if (symbol.place === 'undefined') return SHN.UNDEF;
  if (symbol.place === 'livepatch') return SHN.LIVEPATCH;
  const index = sectionIndex.get(symbol.place);
  if (index === undefined || index >= SHN.LORESERVE)
    throw new InternalError('foreign-section', `${symbol.name} is in no section of the object`);
  return index;
}

function writeFile(placed: readonly Placed[]): Uint8Array {
  const writer = new ByteWriter();
  writer.fill(Elf64_Ehdr.size);
  const offsets = placed.map(({ section }) => {
    writer.align(section.alignment);
    const offset = writer.offset;
    writer.bytes(section.data);
    return offset;
  });
  writer.align(8);
  const e_shoff = writer.offset;
  writer.fill(Elf64_Shdr.size);
  for (const [index, { name, section, link, info }] of placed.entries()) {
    Elf64_Shdr.write(writer, {
      sh_name: name,
      sh_type: section.type,
      sh_flags: section.flags,
      sh_addr: 0n,
      sh_offset: offsets[index] ?? 0,
      sh_size: section.type === SHT.NOBITS ? section.size : section.data.length,
      sh_link: link,
      sh_info: info,
      sh_addralign: section.alignment,
      sh_entsize: section.entrySize,
    });
  }
  const header = new ByteWriter();
  Elf64_Ehdr.write(header, {
    e_ident: Uint8Array.from([
      0x7f,
      0x45,
      0x4c,
      0x46,
      ELFCLASS64,
      ELFDATA2LSB,
      EV_CURRENT,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ]),
    e_type: ET.REL,
    e_machine: EM_X86_64,
    e_version: EV_CURRENT,
    e_entry: 0n,
    e_phoff: 0,
    e_shoff,
    e_flags: 0,
    e_ehsize: Elf64_Ehdr.size,
    e_phentsize: 0,
    e_phnum: 0,
    e_shentsize: Elf64_Shdr.size,
    e_shnum: placed.length + 1,
    e_shstrndx: placed.length,
  });
  writer.setBytesAt(0, header.finish());
  return writer.finish();
}

/** Names one after the other, each once. */
class StringTable {
  readonly #writer = new ByteWriter().u8(0);
  readonly #known = new Map<string, number>([['', 0]]);

  add(name: string): number {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const offset = this.#writer.offset;
    this.#writer.cstring(name);
    this.#known.set(name, offset);
    return offset;
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}
