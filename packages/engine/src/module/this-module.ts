// struct module of the update, which the loader finds in a section of its own: empty but for the pointers to init and exit.
// It is part of what objtool sees, for with IBT objtool wants to know who calls these two indirectly. The name is filled
// in at the end, when the update has one.

import { InputError, InternalError } from '@resplice/report';
import { R_X86_64, SHF, SHT, STB, STT } from '../elf/elf.layout.js';
import type { NewSymbol } from '../elf/encode.js';
import type { LivepatchLayouts } from './livepatch-table.js';
import type { ObjectBuilder } from './section-builder.js';

export const THIS_MODULE = '__this_module';
export const THIS_MODULE_SECTION = '.gnu.linkonce.this_module';

/** MODULE_NAME_LEN less the terminator. */
const MAX_NAME = 55;
/** `__visible struct module __this_module` is aligned to a cache line. */
const ALIGNMENT = 64;

/** Adds the section; `entryOf` gives the update's init and exit functions. */
export function addThisModule(
  builder: ObjectBuilder,
  layouts: LivepatchLayouts,
  entryOf: (name: string) => { readonly symbol: NewSymbol; readonly addend: number },
): NewSymbol {
  const { size, offsetOf } = moduleLayout(layouts);
  const shape = {
    name: THIS_MODULE_SECTION,
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.WRITE,
    entrySize: 0,
    fill: 0,
  };
  const section = builder.section(shape);
  section.append(new Uint8Array(size), ALIGNMENT);
  for (const [member, name] of [
    ['init', 'init_module'],
    ['exit', 'cleanup_module'],
  ] as const) {
    section.relocations.push({ offset: offsetOf(member), type: R_X86_64.R64, ...entryOf(name) });
  }
  return builder.define({
    name: THIS_MODULE,
    place: section.section,
    value: 0,
    size,
    type: STT.OBJECT,
    binding: STB.GLOBAL,
  });
}

/** The section's content with the module's name in it. */
export function nameModule(data: Uint8Array, name: string, layouts: LivepatchLayouts): Uint8Array {
  if (name.length > MAX_NAME) {
    throw new InternalError('module-name-too-long', `${name} has more than ${MAX_NAME} characters`);
  }
  const named = data.slice();
  named.set(new TextEncoder().encode(name), moduleLayout(layouts).offsetOf('name'));
  return named;
}

function moduleLayout(layouts: LivepatchLayouts) {
  const layout = layouts.find('module');
  const offsetOf = (member: string): number => {
    const offset = layout?.offsets.get(member);
    if (offset !== undefined) return offset;
    throw new InputError(
      'struct-member-missing',
      `struct module has no member ${member} in the kernel's types; expected a kernel with loadable modules`,
    );
  };
  return { size: layout?.size ?? 0, offsetOf };
}
