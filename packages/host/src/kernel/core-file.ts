// /proc/kcore shows the memory of the running kernel as an ELF core file. Two of its properties shape this reader: file positions
// are the addresses without their top byte (about 2^56, beyond exact numbers, hence bigint), and its VMCOREINFO note tells by how
// much KASLR moved the kernel, which spares guessing that from symbols.
// Sources: System V ABI, "Program Header"; Linux Documentation/admin-guide/kdump/vmcoreinfo.rst, KERNELOFFSET.

import { ByteReader, bytes, defineLayout } from '@resplice/engine/bytes';
import { InputError } from '@resplice/report';
import type { OpenFile } from '../machine/machine.js';
import { parseNotes } from './elf-note.js';

const FILE = '/proc/kcore';

/** As in elf.h; `p_offset` and `p_filesz` stay raw because kcore uses nearly all of their range. */
const Elf64_Ehdr = defineLayout('Elf64_Ehdr', {
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

const Elf64_Phdr = defineLayout('Elf64_Phdr', {
  p_type: 'u32',
  p_flags: 'u32',
  p_offset: 'u64',
  p_vaddr: 'u64',
  p_paddr: 'u64',
  p_filesz: 'u64',
  p_memsz: 'u64',
  p_align: 'u64',
});

const IDENT_64_LITTLE = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const ET_CORE = 4;
const PT_LOAD = 1;
const PT_NOTE = 4;
const MAX_NOTES = 1 << 20;
/** Ranges this close are read at once: one read call costs more than a page of copying. */
const MERGE_GAP = 4096n;

export interface CoreSegment {
  readonly kind: 'load' | 'note';
  readonly address: bigint;
  readonly position: bigint;
  readonly size: bigint;
}

export interface MemoryRange {
  readonly address: bigint;
  readonly size: number;
}

export interface KernelMemory {
  /** By how many bytes the kernel lies above its link address; undefined when the kernel does not tell. */
  readonly slide: bigint | undefined;
  /** The bytes of each range, in the given order; undefined for one that is not mapped. */
  read(ranges: readonly MemoryRange[]): readonly (Uint8Array | undefined)[];
}

/** Reads the headers. Throws InputError when the file is not a little-endian ELF64 core. */
export function readKernelMemory(file: OpenFile): KernelMemory {
  const header = parseCoreHeader(readExactly(file, 0n, Elf64_Ehdr.size));
  const table = readExactly(file, BigInt(header.tablePosition), header.segments * Elf64_Phdr.size);
  const segments = parseCoreSegments(table);
  const note = segments.find(({ kind }) => kind === 'note');
  const notes =
    note === undefined
      ? new Uint8Array()
      : readExactly(file, note.position, Math.min(Number(note.size), MAX_NOTES));
  return { slide: findSlide(notes), read: (ranges) => readRanges(file, segments, ranges) };
}

export function parseCoreHeader(header: Uint8Array): { tablePosition: number; segments: number } {
  const reader = new ByteReader(header, { file: FILE });
  const { e_ident, e_type, e_phoff, e_phentsize, e_phnum } = Elf64_Ehdr.read(reader);
  if (
    !IDENT_64_LITTLE.equals(e_ident.subarray(0, 6)) ||
    e_type !== ET_CORE ||
    e_phentsize !== Elf64_Phdr.size
  ) {
    throw new InputError('not-a-core-file', `${FILE}: is not a 64-bit little-endian ELF core file`);
  }
  return { tablePosition: e_phoff, segments: e_phnum };
}

export function parseCoreSegments(table: Uint8Array): readonly CoreSegment[] {
  const reader = new ByteReader(table, { file: FILE, section: 'program headers' });
  const segments: CoreSegment[] = [];
  while (reader.remaining > 0) {
    const { p_type, p_offset, p_vaddr, p_filesz } = Elf64_Phdr.read(reader);
    if (p_type !== PT_LOAD && p_type !== PT_NOTE) continue;
    const kind = p_type === PT_LOAD ? 'load' : 'note';
    segments.push({ kind, address: p_vaddr, position: p_offset, size: p_filesz });
  }
  return segments;
}

/** KERNELOFFSET of the VMCOREINFO note. Throws InputError when the notes are malformed. */
export function findSlide(notes: Uint8Array): bigint | undefined {
  const info = parseNotes(notes, FILE).find(({ owner }) => owner === 'VMCOREINFO');
  if (info === undefined) return undefined;
  const digits = /^KERNELOFFSET=([0-9a-f]+)$/m.exec(new TextDecoder().decode(info.description))?.[1];
  return digits === undefined ? undefined : BigInt(`0x${digits}`);
}

/** One read of the file, and the indices of the ranges it serves. */
export interface PlannedRead {
  readonly position: bigint;
  readonly size: number;
  readonly serves: readonly number[];
}

/** Close ranges of one segment become one read; a range outside of every segment is served by none. */
export function planReads(
  segments: readonly CoreSegment[],
  ranges: readonly MemoryRange[],
): readonly PlannedRead[] {
  const plan: { segment: CoreSegment; position: bigint; size: number; serves: number[] }[] = [];
  const order = [...ranges.entries()].sort(([, a], [, b]) => (a.address < b.address ? -1 : 1));
  for (const [index, range] of order) {
    const segment = findSegment(segments, range);
    if (segment === undefined) continue;
    const position = segment.position + (range.address - segment.address);
    const last = plan.at(-1);
    if (last?.segment === segment && position <= last.position + BigInt(last.size) + MERGE_GAP) {
      last.size = Math.max(last.size, Number(position - last.position) + range.size);
      last.serves.push(index);
    } else {
      plan.push({ segment, position, size: range.size, serves: [index] });
    }
  }
  return plan.map(({ position, size, serves }) => ({ position, size, serves }));
}

function readRanges(
  file: OpenFile,
  segments: readonly CoreSegment[],
  ranges: readonly MemoryRange[],
): readonly (Uint8Array | undefined)[] {
  const found: (Uint8Array | undefined)[] = ranges.map(() => undefined);
  for (const { position, size, serves } of planReads(segments, ranges)) {
    const whole = readUpTo(file, position, size);
    const first = ranges[serves[0] ?? 0];
    for (const index of serves) {
      const range = ranges[index];
      if (range === undefined || first === undefined) continue;
      const start = Number(range.address - first.address);
      const part = whole.subarray(start, start + range.size);
      if (part.length === range.size) found[index] = part;
    }
  }
  return found;
}

function findSegment(
  segments: readonly CoreSegment[],
  { address, size }: MemoryRange,
): CoreSegment | undefined {
  const end = address + BigInt(size);
  return segments.find(
    (each) => each.kind === 'load' && each.address <= address && end <= each.address + each.size,
  );
}

function readUpTo(file: OpenFile, position: bigint, size: number): Uint8Array {
  const buffer = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const count = file.read(buffer.subarray(length), position + BigInt(length));
    if (count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

function readExactly(file: OpenFile, position: bigint, size: number): Uint8Array {
  const found = readUpTo(file, position, size);
  if (found.length === size) return found;
  throw new InputError(
    'truncated',
    `${FILE}: +0x${position.toString(16)}: the file ends too early; expected ${size} bytes, got ${found.length}`,
  );
}
