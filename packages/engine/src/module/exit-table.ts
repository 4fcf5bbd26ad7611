// The table by which the update's own code (kmod/exit.c) puts new exit functions into the modules that they belong to: an array of
// { kernel object, function, and room for what kmod/exit.c remembers }, closed by an entry of zeros.

import { ByteWriter } from '../bytes/index.js';
import type { Definition } from '../diff/definition.js';
import { R_X86_64, STB, STT } from '../elf/elf.layout.js';
import type { NewSymbol } from '../elf/encode.js';
import { type ObjectBuilder, SHAPES } from './section-builder.js';

export const EXITS_SYMBOL = 'resplice_exits';

/** `struct resplice_exit` of kmod/exit.c, which asserts the same. */
export const EXIT_ENTRY = { size: 48, object: 0, call: 8 } as const;

/** A module whose exit function changes. */
export interface ModuleExit {
  /** The module's name. */
  readonly object: string;
  readonly replacement: Definition;
}

/** Adds the table to the update's data and returns its symbol. */
export function addExitTable(
  builder: ObjectBuilder,
  exits: readonly ModuleExit[],
  symbolOf: (definition: Definition) => NewSymbol,
): NewSymbol {
  const data = builder.section(SHAPES.data);
  const strings = builder.section(SHAPES.rodata);
  const size = (exits.length + 1) * EXIT_ENTRY.size;
  const start = data.append(new ByteWriter().fill(size).finish(), 8);
  for (const [index, { object, replacement }] of exits.entries()) {
    const at = start + index * EXIT_ENTRY.size;
    const point = (offset: number, symbol: NewSymbol, addend: number) =>
      data.relocations.push({ offset: at + offset, type: R_X86_64.R64, symbol, addend });
    point(EXIT_ENTRY.object, strings.symbol, strings.append(new ByteWriter().cstring(object).finish(), 1));
    point(EXIT_ENTRY.call, symbolOf(replacement), 0);
  }
  return builder.define({
    name: EXITS_SYMBOL,
    place: data.section,
    value: start,
    size,
    type: STT.OBJECT,
    binding: STB.GLOBAL,
  });
}
