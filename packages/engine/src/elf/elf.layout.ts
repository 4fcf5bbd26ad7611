// 64-bit little-endian ELF as Linux on x86-64 uses it. Sources: System V Application Binary Interface, chapters "Object Files"
// and "Program Loading"; AMD64 supplement, "Relocation". Names are those of elf.h; a test compares them with gcc.

import { bytes, defineLayout, type LayoutValue } from '../bytes/index.js';

export const Elf64_Ehdr = defineLayout('Elf64_Ehdr', {
  e_ident: bytes(16),
  e_type: 'u16',
  e_machine: 'u16',
  e_version: 'u32',
  e_entry: 'u64',
  e_phoff: 'size64',
  e_shoff: 'size64',
  e_flags: 'u32',
  e_ehsize: 'u16',
  e_phentsize: 'u16',
  e_phnum: 'u16',
  e_shentsize: 'u16',
  e_shnum: 'u16',
  e_shstrndx: 'u16',
});

export const Elf64_Shdr = defineLayout('Elf64_Shdr', {
  sh_name: 'u32',
  sh_type: 'u32',
  sh_flags: 'size64',
  sh_addr: 'u64',
  sh_offset: 'size64',
  sh_size: 'size64',
  sh_link: 'u32',
  sh_info: 'u32',
  sh_addralign: 'size64',
  sh_entsize: 'size64',
});

export const Elf64_Phdr = defineLayout('Elf64_Phdr', {
  p_type: 'u32',
  p_flags: 'u32',
  p_offset: 'size64',
  p_vaddr: 'u64',
  p_paddr: 'u64',
  p_filesz: 'size64',
  p_memsz: 'size64',
  p_align: 'u64',
});

export const Elf64_Sym = defineLayout('Elf64_Sym', {
  st_name: 'u32',
  st_info: 'u8',
  st_other: 'u8',
  st_shndx: 'u16',
  st_value: 'u64',
  st_size: 'size64',
});

/** `r_info` of elf.h is split into its halves: low word the type, high word the symbol. `r_offset` counts from the section's start. */
export const Elf64_Rela = defineLayout('Elf64_Rela', {
  r_offset: 'size64',
  r_type: 'u32',
  r_sym: 'u32',
  r_addend: 'i64',
});

/** A note; the name and the descriptor follow, each padded to 4 bytes. */
export const Elf64_Nhdr = defineLayout('Elf64_Nhdr', {
  n_namesz: 'u32',
  n_descsz: 'u32',
  n_type: 'u32',
});

export type Elf64_Ehdr = LayoutValue<typeof Elf64_Ehdr>;
export type Elf64_Shdr = LayoutValue<typeof Elf64_Shdr>;
export type Elf64_Phdr = LayoutValue<typeof Elf64_Phdr>;
export type Elf64_Sym = LayoutValue<typeof Elf64_Sym>;
export type Elf64_Rela = LayoutValue<typeof Elf64_Rela>;
export type Elf64_Nhdr = LayoutValue<typeof Elf64_Nhdr>;

export const ET = { REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;
export const EM_X86_64 = 62;
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;
export const EV_CURRENT = 1;

export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  DYNSYM: 11,
  INIT_ARRAY: 14,
  FINI_ARRAY: 15,
  PREINIT_ARRAY: 16,
  GROUP: 17,
  SYMTAB_SHNDX: 18,
  X86_64_UNWIND: 0x70000001,
} as const;

/** `RELA_LIVEPATCH` is Linux's own (include/uapi/linux/elf.h), as is `RO_AFTER_INIT`. */
export const SHF = {
  WRITE: 0x1,
  ALLOC: 0x2,
  EXECINSTR: 0x4,
  MERGE: 0x10,
  STRINGS: 0x20,
  INFO_LINK: 0x40,
  LINK_ORDER: 0x80,
  OS_NONCONFORMING: 0x100,
  GROUP: 0x200,
  TLS: 0x400,
  COMPRESSED: 0x800,
  RELA_LIVEPATCH: 0x00100000,
  RO_AFTER_INIT: 0x00200000,
} as const;

/** `LIVEPATCH` is Linux's own: the livepatch core resolves the symbol. */
export const SHN = {
  UNDEF: 0,
  LORESERVE: 0xff00,
  LIVEPATCH: 0xff20,
  ABS: 0xfff1,
  COMMON: 0xfff2,
  XINDEX: 0xffff,
} as const;

export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4, COMMON: 5, TLS: 6 } as const;
export const STV = { DEFAULT: 0, INTERNAL: 1, HIDDEN: 2, PROTECTED: 3 } as const;
export const PT = { NULL: 0, LOAD: 1, DYNAMIC: 2, INTERP: 3, NOTE: 4 } as const;
export const GRP_COMDAT = 1;
export const NT_GNU_BUILD_ID = 3;

/** Names that elf.h begins with a digit carry an R here: `R_X86_64_32S` is `R_X86_64.R32S`. */
export const R_X86_64 = {
  NONE: 0,
  R64: 1,
  PC32: 2,
  GOT32: 3,
  PLT32: 4,
  COPY: 5,
  GLOB_DAT: 6,
  JUMP_SLOT: 7,
  RELATIVE: 8,
  GOTPCREL: 9,
  R32: 10,
  R32S: 11,
  R16: 12,
  PC16: 13,
  R8: 14,
  PC8: 15,
  PC64: 24,
  GOTPCRELX: 41,
  REX_GOTPCRELX: 42,
} as const;
