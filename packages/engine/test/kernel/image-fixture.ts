// Hand-made kernel images, small enough to read, in both orders of the kallsyms tables.

import { ByteWriter } from '../../src/bytes/index.js';
import {
  ELFCLASS64,
  ELFDATA2LSB,
  Elf64_Ehdr,
  Elf64_Phdr,
  Elf64_Shdr,
  EM_X86_64,
  ET,
  PT,
  SHF,
  SHT,
} from '../../src/elf/elf.layout.js';

export const BASE = 0xffffffff81000000n;
export const BANNER = 'Linux version 6.1.0-1-amd64 (a@b) (gcc-12) #1 SMP Debian 6.1.1-1';

export interface FixtureSection {
  readonly name: string;
  readonly address: bigint;
  readonly bytes: Uint8Array;
  readonly executable?: boolean;
}

export interface FixtureSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly type?: string;
}

export const BUILD_ID_NOTE = new ByteWriter()
  .u32(4)
  .u32(4)
  .u32(3)
  .cstring('GNU')
  .bytes(new Uint8Array([0xde, 0xad, 0xbe, 0xef]))
  .finish();

/** An ELF executable with one segment per section, and the relocation lists behind it. */
export function encodeImage(
  sections: readonly FixtureSection[],
  relocations: readonly number[] = [0, 0, 0],
): Uint8Array {
  const all = [...sections, { name: '.shstrtab', address: 0n, bytes: new Uint8Array() }];
  const names = new ByteWriter().u8(0);
  const nameOffsets = all.map((section) => {
    const at = names.offset;
    names.cstring(section.name);
    return at;
  });
  const w = new ByteWriter().fill(Elf64_Ehdr.size + sections.length * Elf64_Phdr.size).align(16);
  const offsets = all.map((section) => {
    const at = w.align(16).offset;
    w.bytes(section.name === '.shstrtab' ? names.finish() : section.bytes);
    return at;
  });
  const shoff = w.align(8).offset;
  w.fill(Elf64_Shdr.size);
  for (const [i, section] of all.entries()) {
    const isNames = section.name === '.shstrtab';
    Elf64_Shdr.write(w, {
      sh_name: nameOffsets[i] ?? 0,
      sh_type: isNames ? SHT.STRTAB : SHT.PROGBITS,
      sh_flags: isNames ? 0 : SHF.ALLOC | (section.executable === true ? SHF.EXECINSTR : 0),
      sh_addr: section.address,
      sh_offset: offsets[i] ?? 0,
      sh_size: isNames ? names.offset : section.bytes.length,
      sh_link: 0,
      sh_info: 0,
      sh_addralign: 16,
      sh_entsize: 0,
    });
  }
  for (const word of relocations) w.u32(word);
  const head = new ByteWriter();
  Elf64_Ehdr.write(head, {
    e_ident: new Uint8Array([
      0x7f,
      0x45,
      0x4c,
      0x46,
      ELFCLASS64,
      ELFDATA2LSB,
      1,
      ...new Array<number>(9).fill(0),
    ]),
    e_type: ET.EXEC,
    e_machine: EM_X86_64,
    e_version: 1,
    e_entry: 0n,
    e_phoff: Elf64_Ehdr.size,
    e_shoff: shoff,
    e_flags: 0,
    e_ehsize: Elf64_Ehdr.size,
    e_phentsize: Elf64_Phdr.size,
    e_phnum: sections.length,
    e_shentsize: Elf64_Shdr.size,
    e_shnum: all.length + 1,
    e_shstrndx: all.length,
  });
  for (const [i, section] of sections.entries()) {
    const size = section.bytes.length;
    const at = { p_offset: offsets[i] ?? 0, p_vaddr: section.address, p_paddr: 0n };
    Elf64_Phdr.write(head, {
      p_type: PT.LOAD,
      p_flags: 5,
      ...at,
      p_filesz: size,
      p_memsz: size,
      p_align: 16n,
    });
  }
  return w.setBytesAt(0, head.finish()).finish();
}

export type TableOrder = 'before-6.4' | 'since-6.4' | 'without-sequence';

export interface KallsymsOptions {
  readonly order: TableOrder;
  /** CONFIG_KALLSYMS_ABSOLUTE_PERCPU; default true, as on x86-64. */
  readonly absolutePercpu?: boolean;
  /** Replaces the order of names. */
  readonly sequence?: readonly number[];
}

/** The kallsyms tables as scripts/kallsyms.c lays them out; tokens are single letters but for `te`, token 1. */
export function encodeKallsyms(symbols: readonly FixtureSymbol[], options: KallsymsOptions): Uint8Array {
  const tokens = Array.from({ length: 256 }, (_, i) =>
    i === 1 ? 'te' : i >= 0x20 && i < 0x7f ? String.fromCharCode(i) : '',
  );
  const markers: number[] = [];
  const names = new ByteWriter();
  for (const [i, symbol] of symbols.entries()) {
    if (i % 256 === 0) markers.push(names.offset);
    const text = `${symbol.type ?? 't'}${symbol.name}`.replaceAll('te', '\x01');
    if (text.length < 0x80) names.u8(text.length);
    else names.u8((text.length & 0x7f) | 0x80).u8(text.length >> 7);
    names.bytes(Buffer.from(text, 'latin1'));
  }
  const table = new ByteWriter();
  const index = new ByteWriter();
  for (const token of tokens) {
    index.u16(table.offset);
    table.cstring(token);
  }
  const sequence = new ByteWriter();
  for (const i of options.sequence ?? sequenceOf(symbols))
    sequence
      .u8(i >> 16)
      .u8((i >> 8) & 0xff)
      .u8(i & 0xff);
  const markerTable = new ByteWriter();
  for (const marker of markers) markerTable.u32(marker);
  const offsets = encodeOffsets(symbols, options.absolutePercpu ?? true);
  const base = new ByteWriter().u64(BASE).finish();
  const count = new ByteWriter().u32(symbols.length).finish();
  const namesAndMarkers = [names.finish(), markerTable.finish()];
  const tokenTables = [table.finish(), index.finish()];
  const orders: Record<TableOrder, readonly Uint8Array[]> = {
    'before-6.4': [offsets, base, count, ...namesAndMarkers, sequence.finish(), ...tokenTables],
    'since-6.4': [count, ...namesAndMarkers, ...tokenTables, offsets, base, sequence.finish()],
    'without-sequence': [offsets, base, count, ...namesAndMarkers, ...tokenTables],
  };
  const w = new ByteWriter().cstring('read-only data of others').align(8);
  for (const part of orders[options.order]) w.bytes(part).align(8);
  return w.finish();
}

/** A kernel with these symbols. */
export function encodeKernel(symbols: readonly FixtureSymbol[], options: KallsymsOptions): Uint8Array {
  const text = new Uint8Array(0x1000).fill(0xcc);
  const rodata = new ByteWriter()
    .cstring(`${BANNER.replace('#1', '#')}\n`)
    .cstring(`${BANNER}\n`)
    .align(8);
  rodata.bytes(encodeKallsyms(symbols, options));
  return encodeImage([
    { name: '.text', address: BASE, bytes: text, executable: true },
    { name: '.rodata', address: BASE + 0x100000n, bytes: rodata.finish() },
    { name: '.notes', address: BASE + 0x200000n, bytes: BUILD_ID_NOTE },
  ]);
}

/** Enough symbols to be a kernel: two per-CPU ones, many functions, three of the same name. */
export function sampleSymbols(): readonly FixtureSymbol[] {
  const percpu = [
    { name: '__per_cpu_start', address: 0n, type: 'A' },
    { name: 'current_task', address: 0x20n, type: 'A' },
  ];
  const functions = Array.from({ length: 1500 }, (_, i) => ({
    name: i % 600 === 7 ? 'state_show' : i === 20 ? `long_${'x'.repeat(300)}` : `function_${i}`,
    address: BASE + BigInt(i * 2 - (i % 2 === 1 && i % 10 === 1 ? 2 : 0)),
    type: i % 3 === 0 ? 'T' : 't',
  }));
  return [...percpu, ...functions];
}

function sequenceOf(symbols: readonly FixtureSymbol[]): readonly number[] {
  const name = (i: number): string => symbols[i]?.name ?? '';
  return [...symbols.keys()].sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : a - b));
}

function encodeOffsets(symbols: readonly FixtureSymbol[], absolutePercpu: boolean): Uint8Array {
  const w = new ByteWriter();
  for (const { address } of symbols) {
    if (!absolutePercpu) w.u32(Number(address - BASE));
    else w.i32(address < BASE ? Number(address) : Number(BASE - address) - 1);
  }
  return w.finish();
}
