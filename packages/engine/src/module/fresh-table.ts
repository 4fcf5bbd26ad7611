// The table by which the update's own code (kmod/fresh.c) knows the modules that must not be loaded before the update is applied, and what to do to
// each when it is loaded: content for its data, and an init function of the update's. An array of
// { kernel object, place, content, length, init function, and room for what kmod/fresh.c remembers }, closed by an entry of zeros. A module's
// first entry has no place.

import { ByteWriter } from '../bytes/index.js';
import type { Definition } from '../diff/definition.js';
import { R_X86_64, STB, STT } from '../elf/elf.layout.js';
import type { NewSymbol } from '../elf/encode.js';
import type { Address } from './livepatch-table.js';
import { type ObjectBuilder, SHAPES } from './section-builder.js';

export const FRESH_SYMBOL = 'resplice_fresh';

/** `struct resplice_fresh` of kmod/fresh.c, which asserts the same. */
export const FRESH_ENTRY = { size: 48, object: 0, place: 8, content: 16, length: 24, init: 32 } as const;

/** A module that is loaded only after the update is applied. */
export interface FreshModule {
  /** The module's name. */
  readonly object: string;
  /** Takes the place of its init function. */
  readonly init: Definition | undefined;
}

/** New content of data, which stands in the update until the module is loaded. */
export interface FreshData {
  readonly object: string;
  readonly place: Address;
  readonly content: Address;
  readonly length: number;
}

/** Adds the table to the update's data and returns its symbol. */
export function addFreshTable(
  builder: ObjectBuilder,
  modules: readonly FreshModule[],
  contents: readonly FreshData[],
  symbolOf: (definition: Definition) => NewSymbol,
): NewSymbol {
  const data = builder.section(SHAPES.data);
  const strings = builder.section(SHAPES.rodata);
  const size = (modules.length + contents.length + 1) * FRESH_ENTRY.size;
  const writer = new ByteWriter().fill(size);
  for (const [index, { length }] of contents.entries())
    writer.setU64At((modules.length + index) * FRESH_ENTRY.size + FRESH_ENTRY.length, BigInt(length));
  const start = data.append(writer.finish(), 8);
  const point = (index: number, member: number, { symbol, addend }: Address) => {
    const offset = start + index * FRESH_ENTRY.size + member;
    data.relocations.push({ offset, type: R_X86_64.R64, symbol, addend });
  };
  const name = (object: string): Address => ({
    symbol: strings.symbol,
    addend: strings.append(new ByteWriter().cstring(object).finish(), 1),
  });
  for (const [index, { object, init }] of modules.entries()) {
    point(index, FRESH_ENTRY.object, name(object));
    if (init !== undefined) point(index, FRESH_ENTRY.init, { symbol: symbolOf(init), addend: 0 });
  }
  for (const [at, { object, place, content }] of contents.entries()) {
    const index = modules.length + at;
    point(index, FRESH_ENTRY.object, name(object));
    point(index, FRESH_ENTRY.place, place);
    point(index, FRESH_ENTRY.content, content);
  }
  return builder.define({
    name: FRESH_SYMBOL,
    place: data.section,
    value: start,
    size,
    type: STT.OBJECT,
    binding: STB.GLOBAL,
  });
}
