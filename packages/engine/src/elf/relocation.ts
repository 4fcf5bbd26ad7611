// What a relocation type does to the bytes it covers. Source: AMD64 supplement to the System V ABI, "Relocation Types".

import { R_X86_64 } from './elf.layout.js';

const SIZES = new Map<number, number>([
  [R_X86_64.NONE, 0],
  [R_X86_64.R64, 8],
  [R_X86_64.PC64, 8],
  [R_X86_64.PC32, 4],
  [R_X86_64.PLT32, 4],
  [R_X86_64.GOTPCREL, 4],
  [R_X86_64.GOTPCRELX, 4],
  [R_X86_64.REX_GOTPCRELX, 4],
  [R_X86_64.R32, 4],
  [R_X86_64.R32S, 4],
  [R_X86_64.R16, 2],
  [R_X86_64.PC16, 2],
  [R_X86_64.R8, 1],
  [R_X86_64.PC8, 1],
]);

const NAMES = new Map<number, string>(
  Object.entries(R_X86_64).map(([name, type]) => [type, `R_X86_64_${name.replace(/^R(?=\d)/, '')}`]),
);

/** Bytes that a relocation of this type writes; 0 for one we do not know (its user refuses it by type). */
export function relocationSize(type: number): number {
  return SIZES.get(type) ?? 0;
}

/** The value is relative to the place it is written to. */
export function isPcRelative(type: number): boolean {
  return (
    type === R_X86_64.PC32 ||
    type === R_X86_64.PLT32 ||
    type === R_X86_64.PC64 ||
    type === R_X86_64.PC16 ||
    type === R_X86_64.PC8
  );
}

/** The types that Linux's module loader applies on x86-64 (arch/x86/kernel/module.c, __apply_relocate_add or __write_relocate_add). */
export function isLoadable(type: number): boolean {
  return (
    type === R_X86_64.R64 ||
    type === R_X86_64.R32 ||
    type === R_X86_64.R32S ||
    type === R_X86_64.PC32 ||
    type === R_X86_64.PLT32 ||
    type === R_X86_64.PC64
  );
}

export function relocationName(type: number): string {
  return NAMES.get(type) ?? `relocation type ${type}`;
}
