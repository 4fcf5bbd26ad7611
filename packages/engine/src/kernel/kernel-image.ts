// The decompressed kernel: an ELF executable without symbols (Debian strips them) but with its section headers, its own type
// information (.BTF) and, behind the ELF file, the relocation lists. Addresses are those the kernel was linked at.

import { InputError } from '@resplice/report';
import { ByteReader } from '../bytes/index.js';
import {
  ELFCLASS64,
  ELFDATA2LSB,
  Elf64_Ehdr,
  Elf64_Nhdr,
  Elf64_Phdr,
  Elf64_Shdr,
  EM_X86_64,
  ET,
  NT_GNU_BUILD_ID,
  PT,
  SHF,
  SHT,
} from '../elf/elf.layout.js';
import { type ImageRelocations, parseImageRelocations } from './image-relocations.js';

export interface ImageSection {
  readonly name: string;
  readonly address: bigint;
  /** Size in memory. */
  readonly size: number;
  /** The contents; empty for a section that has none in the file (`.bss`). */
  readonly bytes: Uint8Array;
  readonly allocated: boolean;
  readonly executable: boolean;
}

export interface ImageSegment {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

export interface KernelImage {
  /** How the caller calls the image, for errors. */
  readonly file: string;
  /** In the order of the file, without the empty first one. */
  readonly sections: readonly ImageSection[];
  readonly segments: readonly ImageSegment[];
  /** Lower-case hex. */
  readonly buildId: string;
  /** The text of linux_banner without its newline: `Linux version 6.1.0-47-amd64 (…) … #1 SMP …`. */
  readonly version: string;
  /** What `uname -r` prints, taken from `version`. */
  readonly release: string;
  readonly relocations: ImageRelocations;
  /** Contents of `.BTF`, undefined when the kernel was built without. */
  readonly btf: Uint8Array | undefined;
}

const BANNER = 'Linux version ';
const MAX_BANNER = 1024;

/** Parses a decompressed kernel payload; `file` names it in errors. */
export function parseKernelImage(payload: Uint8Array, file: string): KernelImage {
  const reader = new ByteReader(payload, { file });
  const header = readHeader(reader);
  const sections = readSections(reader, header);
  const segments = readSegments(reader, header);
  const elfEnd = Math.max(
    header.e_shoff + header.e_shnum * header.e_shentsize,
    ...segments.map((segment) => segment.bytes.byteOffset - payload.byteOffset + segment.bytes.length),
    ...sections.map((section) => section.bytes.byteOffset - payload.byteOffset + section.bytes.length),
  );
  const version = findBanner(sections, file);
  return {
    file,
    sections,
    segments,
    buildId: findBuildId(sections, file),
    version,
    release: version.slice(BANNER.length).split(' ', 1)[0] ?? '',
    relocations: parseImageRelocations(reader.sub(elfEnd, payload.length - elfEnd)),
    btf: sections.find((section) => section.name === '.BTF')?.bytes,
  };
}

/** The section of this name, or undefined. */
export function findSection(image: KernelImage, name: string): ImageSection | undefined {
  return image.sections.find((section) => section.name === name);
}

/** A view of `length` bytes at a link-time address. Memory that the file does not hold is an `InputError`. */
export function imageBytes(image: KernelImage, address: bigint, length: number): Uint8Array {
  for (const segment of image.segments) {
    const offset = address - segment.address;
    if (offset >= 0n && offset + BigInt(length) <= BigInt(segment.bytes.length)) {
      return segment.bytes.subarray(Number(offset), Number(offset) + length);
    }
  }
  throw new InputError(
    'address-not-in-image',
    `${image.file}: ${length} bytes at 0x${address.toString(16)} are not in the image; expected an address in a loaded segment`,
  );
}

function readHeader(reader: ByteReader): Elf64_Ehdr {
  const header = Elf64_Ehdr.read(reader);
  const [a, b, c, d, elfClass, encoding] = header.e_ident;
  const isElf = a === 0x7f && b === 0x45 && c === 0x4c && d === 0x46;
  const isKernel = header.e_machine === EM_X86_64 && (header.e_type === ET.EXEC || header.e_type === ET.DYN);
  if (!isElf || elfClass !== ELFCLASS64 || encoding !== ELFDATA2LSB || !isKernel) {
    const start = Buffer.from(reader.data.subarray(0, 6)).toString('hex');
    throw new InputError(
      'not-a-kernel-image',
      `${reader.source.file}: not a decompressed x86-64 kernel; expected a 64-bit ELF executable, got ${start}`,
    );
  }
  if (header.e_shentsize !== Elf64_Shdr.size || header.e_phentsize !== Elf64_Phdr.size) {
    const got = `${header.e_shentsize} and ${header.e_phentsize}`;
    reader.fail('elf-malformed', 'sizes of header entries', `${Elf64_Shdr.size} and ${Elf64_Phdr.size}`, got);
  }
  return header;
}

function readSections(reader: ByteReader, header: Elf64_Ehdr): readonly ImageSection[] {
  const table = reader.sub(header.e_shoff, header.e_shnum * Elf64_Shdr.size);
  const raw = Array.from({ length: header.e_shnum }, () => Elf64_Shdr.read(table));
  const nameSection = raw[header.e_shstrndx];
  if (nameSection === undefined) {
    return table.fail(
      'elf-malformed',
      'section of names',
      `one of ${header.e_shnum}`,
      `${header.e_shstrndx}`,
    );
  }
  const names = reader.sub(nameSection.sh_offset, nameSection.sh_size, '.shstrtab');
  return raw.slice(1).map((section) => {
    names.seek(section.sh_name);
    const length = section.sh_type === SHT.NOBITS ? 0 : section.sh_size;
    return {
      name: names.cstring(),
      address: section.sh_addr,
      size: section.sh_size,
      bytes: length === 0 ? new Uint8Array() : reader.sub(section.sh_offset, length).data,
      allocated: (section.sh_flags & SHF.ALLOC) !== 0,
      executable: (section.sh_flags & SHF.EXECINSTR) !== 0,
    };
  });
}

function readSegments(reader: ByteReader, header: Elf64_Ehdr): readonly ImageSegment[] {
  const table = reader.sub(header.e_phoff, header.e_phnum * Elf64_Phdr.size);
  return Array.from({ length: header.e_phnum }, () => Elf64_Phdr.read(table))
    .filter((segment) => segment.p_type === PT.LOAD)
    .map((segment) => ({
      address: segment.p_vaddr,
      bytes: reader.sub(segment.p_offset, segment.p_filesz).data,
    }));
}

function findBuildId(sections: readonly ImageSection[], file: string): string {
  const notes = sections.find((section) => section.name === '.notes');
  if (notes !== undefined) {
    const reader = new ByteReader(notes.bytes, { file, section: '.notes' });
    while (reader.remaining > 0) {
      const note = Elf64_Nhdr.read(reader);
      const name = reader.bytes(note.n_namesz);
      reader.align(4);
      const description = reader.bytes(note.n_descsz);
      if (reader.remaining > 0) reader.align(4);
      if (note.n_type === NT_GNU_BUILD_ID && Buffer.from(name).toString('latin1') === 'GNU\0') {
        return Buffer.from(description).toString('hex');
      }
    }
  }
  throw new InputError('build-id-missing', `${file}: no GNU build id; expected one in the section .notes`);
}

/**
 * linux_banner, found by its form. Beside it lies the weak default of init/version.c, which differs only in that its build
 * has no number (`# SMP` for `#1 SMP`), so the number is part of the pattern.
 */
function findBanner(sections: readonly ImageSection[], file: string): string {
  const rodata = sections.find((section) => section.name === '.rodata');
  if (rodata !== undefined) {
    const buffer = Buffer.from(rodata.bytes.buffer, rodata.bytes.byteOffset, rodata.bytes.byteLength);
    for (let at = buffer.indexOf(BANNER); at >= 0; at = buffer.indexOf(BANNER, at + 1)) {
      const text = buffer.subarray(at, at + MAX_BANNER).toString('latin1');
      const [banner] = /^Linux version \d[^\0\n]* #\d+ [^\0\n]*(?=\n\0)/.exec(text) ?? [];
      if (banner !== undefined) return banner;
    }
  }
  throw new InputError('banner-missing', `${file}: no kernel version text; expected linux_banner in .rodata`);
}
