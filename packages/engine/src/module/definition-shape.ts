// What kind of section and symbol a definition becomes in the update.

import type { Definition } from '../diff/definition.js';
import { SHT, STT } from '../elf/elf.layout.js';
import { type SectionShape, SHAPES } from './section-builder.js';

/** Code of assembly that is no function in the sense of C (SYM_CODE_START) has no type, and objtool lets others go on in it. */
export function codeType({ symbols, start }: Definition): number {
  const isFunction = symbols.some(({ type, value }) => value === start && type === STT.FUNC);
  return isFunction ? STT.FUNC : STT.NOTYPE;
}

export function shapeOf(definition: Definition): SectionShape {
  if (definition.kind === 'string' || definition.kind === 'constant') return SHAPES.rodata;
  const { name, type, flags, entrySize } = definition.section;
  if (definition.kind === 'function')
    return name === '.altinstr_aux' ? { ...SHAPES.text, name } : SHAPES.text;
  if (definition.sectionClass === 'call-site') return { name, type, flags, entrySize, fill: 0 };
  // The module loader gives the one section of that name an area for each CPU.
  if (definition.sectionClass === 'percpu') return SHAPES.percpu;
  return type === SHT.NOBITS ? SHAPES.bss : SHAPES.data;
}

/** Some tables are written without alignment in the source; in a module they are arrays of what C says they are. */
export function naturalAlignment(alignment: number, size: number): number {
  const natural = [8, 4, 2].find((candidate) => size % candidate === 0) ?? 1;
  return Math.max(alignment, natural);
}
