// The table by which the update's own code (kmod/hooks.c) finds the hooks: an array of
// { function, name, kernel object or null, u32 kind, u32 state }, closed by an entry of zeros. Nothing in it belongs to livepatch.

import { ByteWriter } from '../bytes/index.js';
import type { Hook, HookKind } from '../diff/custom-record.js';
import type { Definition } from '../diff/definition.js';
import { R_X86_64, STB, STT } from '../elf/elf.layout.js';
import type { NewSymbol } from '../elf/encode.js';
import { type ObjectBuilder, SHAPES } from './section-builder.js';

export const HOOKS_SYMBOL = 'resplice_hooks';

const ENTRY_SIZE = 32;

/** What takes back runs in the reverse order of what was done. */
const REVERSED: ReadonlySet<HookKind> = new Set(['fail-apply', 'undo', 'post-undo']);

export interface ObjectHook extends Hook {
  /** `vmlinux` or the module's name. */
  readonly object: string;
}

/** In the order in which those of a kind run. */
export function orderHooks(hooks: readonly ObjectHook[]): readonly ObjectHook[] {
  const forward = hooks.filter(({ kind }) => !REVERSED.has(kind));
  const backward = hooks.filter(({ kind }) => REVERSED.has(kind)).reverse();
  return [...forward, ...backward];
}

/** Adds the table to the update's data and returns its symbol. */
export function addHookTable(
  builder: ObjectBuilder,
  hooks: readonly ObjectHook[],
  symbolOf: (definition: Definition) => NewSymbol,
): NewSymbol {
  const data = builder.section(SHAPES.data);
  const strings = builder.section(SHAPES.rodata);
  const ordered = orderHooks(hooks);
  const size = (ordered.length + 1) * ENTRY_SIZE;
  const writer = new ByteWriter().fill(size);
  for (const [index, { number }] of ordered.entries())
    writer.setU64At(index * ENTRY_SIZE + 24, BigInt(number));
  const start = data.append(writer.finish(), 8);
  const point = (offset: number, symbol: NewSymbol, addend: number) =>
    data.relocations.push({ offset, type: R_X86_64.R64, symbol, addend });
  const text = (value: string) => strings.append(new ByteWriter().cstring(value).finish(), 1);
  for (const [index, { definition, name, object }] of ordered.entries()) {
    const at = start + index * ENTRY_SIZE;
    point(at, symbolOf(definition), 0);
    point(at + 8, strings.symbol, text(name));
    if (object !== 'vmlinux') point(at + 16, strings.symbol, text(object));
  }
  return builder.define({
    name: HOOKS_SYMBOL,
    place: data.section,
    value: start,
    size,
    type: STT.OBJECT,
    binding: STB.GLOBAL,
  });
}
