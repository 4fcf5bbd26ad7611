// The tables that the kernel's livepatch core reads: one klp_patch with its klp_objects and their klp_funcs
// (Documentation/livepatch/livepatch.rst, "Livepatch modules"). Their layout is the target kernel's own.
//
// Only the members that an author of such a module would initialise are written; the rest belongs to the core and is zero.

import { InputError } from '@resplice/report';
import { ByteWriter } from '../bytes/index.js';
import type { Definition } from '../diff/definition.js';
import { R_X86_64, STB, STT } from '../elf/elf.layout.js';
import type { NewSymbol } from '../elf/encode.js';
import type { ObjectBuilder, SectionBuilder } from './section-builder.js';
import { SHAPES } from './section-builder.js';

/** The symbol by which the update's own code (kmod/livepatch.c) reaches the tables. */
export const PATCH_SYMBOL = 'resplice_patch';

/** One function to redirect. */
export interface LivepatchFunction {
  /** `vmlinux` or the module's name. */
  readonly object: string;
  readonly name: string;
  /** 0 when the name is unique in the object, else its rank from 1. */
  readonly position: number;
  readonly replacement: Definition;
}

export interface LivepatchLayouts {
  find(name: string): { readonly size: number; readonly offsets: ReadonlyMap<string, number> } | undefined;
}

/** Members of klp_callbacks and the functions of kmod/hooks.c that they call. */
const CALLBACKS = [
  ['pre_patch', 'resplice_pre_patch'],
  ['post_patch', 'resplice_post_patch'],
  ['pre_unpatch', 'resplice_pre_unpatch'],
  ['post_unpatch', 'resplice_post_unpatch'],
] as const;

/** What the tables point at. */
export interface Surroundings {
  /** Kernel objects that have hooks. */
  readonly hooked: ReadonlySet<string>;
  /** A function of the update's own code. */
  ownFunction(name: string): Address;
  readonly thisModule: NewSymbol;
  symbolOf(definition: Definition): NewSymbol;
}

/** Adds the tables to the update's data and returns the symbol of the klp_patch, PATCH_SYMBOL. */
export function addLivepatchTables(
  builder: ObjectBuilder,
  functions: readonly LivepatchFunction[],
  layouts: LivepatchLayouts,
  { thisModule, symbolOf, hooked, ownFunction }: Surroundings,
): NewSymbol {
  const data = builder.section(SHAPES.data);
  const strings = new Strings(builder);
  const objects = [...new Set([...functions.map((entry) => entry.object), ...hooked])];
  const object = new Table(layouts, 'klp_object', objects.length + 1);
  const tables = objects.map((name, index) => {
    const mine = functions.filter((entry) => entry.object === name);
    const func = new Table(layouts, 'klp_func', mine.length + 1);
    for (const [at, entry] of mine.entries()) {
      func.point(at, 'old_name', strings.add(entry.name));
      func.point(at, 'new_func', { symbol: symbolOf(entry.replacement), addend: 0 });
      func.set(at, 'old_sympos', entry.position);
    }
    // A null name means vmlinux.
    if (name !== 'vmlinux') object.point(index, 'name', strings.add(name));
    if (hooked.has(name)) pointCallbacks(object, index, layouts, ownFunction);
    return func;
  });
  for (const [index, func] of tables.entries()) object.point(index, 'funcs', func.write(data));
  const patch = new Table(layouts, 'klp_patch', 1);
  patch.point(0, 'mod', { symbol: thisModule, addend: 0 });
  patch.point(0, 'objs', object.write(data));
  const { addend } = patch.write(data);
  return builder.define({
    name: PATCH_SYMBOL,
    place: data.section,
    value: addend,
    size: patch.size,
    type: STT.OBJECT,
    binding: STB.GLOBAL,
  });
}

function pointCallbacks(
  object: Table,
  index: number,
  layouts: LivepatchLayouts,
  ownFunction: Surroundings['ownFunction'],
): void {
  const callbacks = layouts.find('klp_callbacks');
  for (const [member, name] of CALLBACKS) {
    const inside = callbacks?.offsets.get(member);
    if (inside === undefined) throw missing(`klp_callbacks.${member}`);
    object.point(index, 'callbacks', ownFunction(name), inside);
  }
}

export interface Address {
  readonly symbol: NewSymbol;
  readonly addend: number;
}

/** An array of one structure under construction. */
class Table {
  readonly #layout: { readonly size: number; readonly offsets: ReadonlyMap<string, number> };
  readonly #name: string;
  readonly #writer = new ByteWriter();
  readonly #pointers: { readonly at: number; readonly to: Address }[] = [];

  constructor(layouts: LivepatchLayouts, name: string, count: number) {
    const layout = layouts.find(name);
    if (layout === undefined) throw missing(`struct ${name}`);
    this.#layout = layout;
    this.#name = name;
    this.#writer.fill(layout.size * count);
  }

  get size(): number {
    return this.#writer.offset;
  }

  /** `inside`: offset in the member. */
  point(index: number, member: string, to: Address, inside = 0): void {
    this.#pointers.push({ at: this.#at(index, member) + inside, to });
  }

  set(index: number, member: string, value: number): void {
    this.#writer.setU64At(this.#at(index, member), BigInt(value));
  }

  write(section: SectionBuilder): Address {
    const offset = section.append(this.#writer.finish(), 8);
    for (const { at, to } of this.#pointers) {
      section.relocations.push({
        offset: offset + at,
        type: R_X86_64.R64,
        symbol: to.symbol,
        addend: to.addend,
      });
    }
    return { symbol: section.symbol, addend: offset };
  }

  #at(index: number, member: string): number {
    const offset = this.#layout.offsets.get(member);
    if (offset === undefined) throw missing(`${this.#name}.${member}`);
    return index * this.#layout.size + offset;
  }
}

class Strings {
  readonly #section: SectionBuilder;

  constructor(builder: ObjectBuilder) {
    this.#section = builder.section(SHAPES.rodata);
  }

  add(text: string): Address {
    const addend = this.#section.append(new ByteWriter().cstring(text).finish(), 1);
    return { symbol: this.#section.symbol, addend };
  }
}

function missing(what: string): InputError {
  return new InputError(
    'livepatch-types-missing',
    `the kernel's types have no ${what}; expected a kernel built with CONFIG_LIVEPATCH whose livepatch core is the known one`,
  );
}
