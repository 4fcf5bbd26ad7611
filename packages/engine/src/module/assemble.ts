// Puts the selected definitions of all compared objects together into one relocatable object, which objtool then completes
// (ORC, static call sites, return thunks) as it would any module.
//
// All code goes into one `.text`, all strings and constants into one `.rodata` and so on: names of static functions repeat
// between objects, and two sections of one name would collide in sysfs. A reference to something in the running kernel becomes an undefined
// symbol (import-names.ts).

import { InternalError } from '@resplice/report';
import { branchOperands } from '../diff/branch-operand.js';
import { biasesOf, type Definition, type Reference, relocationsIn, type Target } from '../diff/definition.js';
import type { LedPointer } from '../diff/device-table.js';
import { isModuleExit, nameModuleExit } from '../diff/module-exit.js';
import type { Use } from '../diff/resolve.js';
import type { TableEntry } from '../diff/table.js';
import { R_X86_64, SHF, STB, STT } from '../elf/elf.layout.js';
import { encodeObject, type NewSymbol } from '../elf/encode.js';
import { appendTo } from '../map-entry.js';
import { startsWithEndbr } from '../x86/endbr.js';
import { decodeInstructions } from '../x86/instruction.js';
import { codeType, naturalAlignment, shapeOf } from './definition-shape.js';
import type { FreshData } from './fresh-table.js';
import { type Import, ImportNames, type KnownSymbols } from './import-names.js';
import type { Address } from './livepatch-table.js';
import { findDeadEnds } from './no-return.js';
import { addOwnTables, type OwnTables } from './own-table.js';
import { bytesOf, type Part } from './part.js';
import { ObjectBuilder, type SectionBuilder, type SectionShape, SHAPES } from './section-builder.js';
import { addThisModule, THIS_MODULE } from './this-module.js';

export interface AssembledObject {
  readonly bytes: Uint8Array;
  /** Where each function lies in `.text`, in bytes. */
  readonly offsets: ReadonlyMap<Definition, number>;
  /** Where both addresses of each led pointer stand in `.data`, the old one first. */
  readonly pointers: ReadonlyMap<LedPointer, number>;
  /** Name of the undefined symbol in `bytes` → what it stands for. */
  readonly imports: ReadonlyMap<string, Import>;
}

export interface AssemblyInput extends OwnTables, KnownSymbols {
  readonly parts: readonly Part[];
  /** Whether the code of one kernel object may call what is new in another one: a symbol that nobody exports yet, and a module that is there. */
  mayReachNew?(symbol: string, from: string, to: string): boolean;
}

export function assembleUpdate(input: AssemblyInput): AssembledObject {
  const assembler = new Assembler(input);
  for (const part of input.parts) for (const definition of part.included) assembler.place(part, definition);
  const contents = assembler.addContents(input);
  assembler.addTables(input, contents);
  for (const part of input.parts) for (const definition of part.included) assembler.connect(part, definition);
  assembler.connectContents();
  const pointers = assembler.addPointers(input);
  const { imports, offsets } = assembler;
  return { bytes: encodeObject(assembler.builder.finish()), offsets, pointers, imports };
}

const ADDRESS_SIZE = 8;

interface Place {
  readonly section: SectionBuilder;
  /** Of the definition's `start`. */
  readonly offset: number;
  readonly symbol: NewSymbol | undefined;
}

class Assembler {
  readonly builder = new ObjectBuilder();
  readonly #names: ImportNames;
  readonly #places = new Map<Definition, Place>();
  /** Global definitions of the update, which other parts of the same owner reach by name. */
  readonly #globals = new Map<string, Definition>();
  /** What is new in the update and not static, by symbol. */
  readonly #added = new Map<string, { readonly owner: string; readonly definition: Definition }[]>();
  readonly #mayReachNew: NonNullable<AssemblyInput['mayReachNew']>;
  readonly #known: KnownSymbols;
  /** By the names under which the update's own code knows them. */
  #tables: ReadonlyMap<string, NewSymbol> = new Map();
  readonly #contents: {
    readonly part: Part;
    readonly section: SectionBuilder;
    readonly reference: Reference;
  }[] = [];
  #thisModule: NewSymbol | undefined;

  constructor(input: AssemblyInput) {
    this.#known = input;
    this.#names = new ImportNames(this.builder, input);
    this.#mayReachNew = (symbol, from, to) => input.mayReachNew?.(symbol, from, to) === true;
    for (const part of input.parts) {
      for (const definition of part.included) {
        for (const symbol of definition.symbols) {
          if (symbol.binding === STB.LOCAL) continue;
          this.#globals.set(`${part.owner}\0${symbol.name}`, definition);
          if (part.owner !== null) appendTo(this.#added, symbol.name, { owner: part.owner, definition });
        }
      }
    }
  }

  /**
   * The new content of data of modules that are loaded later. What the update itself has for such a module begins anew whenever it is loaded, as
   * the module's own data does.
   */
  addContents({ parts, fresh = [] }: AssemblyInput): readonly FreshData[] {
    const names = new Set(fresh.map(({ object }) => object));
    return parts.flatMap((part) => {
      const { owner } = part;
      if (owner === null || !names.has(owner)) return [];
      const own = part.included.filter(
        ({ kind, sectionClass }) => kind === 'data' && sectionClass === 'data',
      );
      const content = (definition: Definition) => this.#placeContent(part, definition);
      return [
        ...part.rewritten.map(({ before, after }) => {
          const symbol = this.#names.ofDefinition(owner, before);
          return { object: owner, place: { symbol, addend: 0 }, content: content(after), length: after.size };
        }),
        ...own.map((definition) => {
          const place = this.#reachCopy(definition, 0);
          return { object: owner, place, content: content(definition), length: definition.size };
        }),
      ];
    });
  }

  #placeContent(part: Part, definition: Definition): Address {
    const section = this.builder.section(SHAPES.data);
    const offset = section.append(bytesOf(part, definition), 8);
    for (const reference of part.side.object.referencesOf(definition))
      this.#contents.push({ part, section, reference: { ...reference, offset: offset + reference.offset } });
    return { symbol: section.symbol, addend: offset };
  }

  addTables(input: AssemblyInput, contents: readonly FreshData[]): void {
    const ownFunction = (name: string) => {
      const entry = this.#globals.get(`null\0${name}`);
      if (entry === undefined)
        throw new InternalError('no-module-entry', `the update's own code has no ${name}`);
      return this.#reachCopy(entry, 0);
    };
    this.#thisModule = addThisModule(this.builder, input.layouts, ownFunction);
    const symbolOf = (definition: Definition): NewSymbol => {
      const { symbol } = this.#placeOf(definition);
      if (symbol !== undefined) return symbol;
      throw new InternalError('nameless-function', `${definition.section.name} has no symbol`);
    };
    this.#tables = addOwnTables(this.builder, input, contents, {
      thisModule: this.#thisModule,
      symbolOf,
      ownFunction,
      allowWithoutEndbr: (definition) => this.#allowWithoutEndbr(definition),
    });
  }

  /** The engine's core compares a pointer with the first address and gives it the second; both are known once the module is there. */
  addPointers({ parts }: AssemblyInput): ReadonlyMap<LedPointer, number> {
    const places = new Map<LedPointer, number>();
    for (const { owner, led } of parts) {
      for (const pointer of led) {
        const data = this.builder.section(SHAPES.data);
        const offset = data.append(new Uint8Array(2 * ADDRESS_SIZE), ADDRESS_SIZE);
        const { symbol, addend } = this.#reachCopy(pointer.tableAfter, 0);
        const old = this.#names.ofDefinition(owner, pointer.table);
        data.relocations.push(
          { offset, type: R_X86_64.R64, symbol: old, addend: 0 },
          { offset: offset + ADDRESS_SIZE, type: R_X86_64.R64, symbol, addend },
        );
        places.set(pointer, offset);
      }
    }
    return places;
  }

  get imports(): ReadonlyMap<string, Import> {
    return this.#names.imports;
  }

  get offsets(): ReadonlyMap<Definition, number> {
    const inText = [...this.#places].filter(([, { section }]) => section.shape.name === SHAPES.text.name);
    return new Map(inText.map(([definition, { offset }]) => [definition, offset]));
  }

  place(part: Part, definition: Definition): void {
    const section = this.builder.section(shapeOf(definition));
    const bytes = bytesOf(part, definition);
    const offset = section.append(bytes, definition.section.alignment, definition.prefix);
    this.#places.set(definition, { section, offset, symbol: this.#define(definition, section, offset) });
  }

  connectContents(): void {
    for (const { part, section, reference } of this.#contents)
      this.#relocate(part, section, reference, 'address');
  }

  connect(part: Part, definition: Definition): void {
    const { section, offset } = this.#placeOf(definition);
    const branches = branchOperands(part.side, definition);
    for (const reference of part.side.object.referencesOf(definition)) {
      const use = branches.has(reference.offset) ? 'branch' : 'address';
      this.#relocate(part, section, { ...reference, offset: offset + reference.offset }, use);
    }
    for (const entry of part.side.tables.of(definition)) this.#copyEntry(part, entry);
    for (const end of findDeadEnds(part.side, definition))
      this.#annotate(SHAPES.unreachable, section, offset + end);
  }

  /** Leaves a note for objtool about a place in the code. */
  #annotate(shape: SectionShape, section: SectionBuilder, addend: number): void {
    const notes = this.builder.section(shape);
    const offset = notes.append(new Uint8Array(4), 4);
    notes.relocations.push({ offset, type: R_X86_64.PC32, symbol: section.symbol, addend });
  }

  /**
   * A static function that was only ever called has no ENDBR, and needs none to be a replacement: ftrace's trampoline gets to it by a
   * return. objtool only sees its address in the livepatch table (`tty_cdev_add` of drivers/tty/tty_io.c) and is told.
   */
  #allowWithoutEndbr(definition: Definition): void {
    const { section, offset } = this.#placeOf(definition);
    if (!startsWithEndbr(definition.section.data, definition.start))
      this.#annotate(SHAPES.withoutEndbr, section, offset);
  }

  #define(definition: Definition, section: SectionBuilder, offset: number): NewSymbol | undefined {
    if (definition.symbols.length === 0) return undefined;
    const type = definition.kind === 'function' ? codeType(definition) : STT.OBJECT;
    return this.builder.define({
      // Under the alias the kernel would take it for the update's own, and objtool refuses one that nobody calls indirectly.
      name: isModuleExit(definition) ? nameModuleExit(definition) : definition.name,
      place: section.section,
      value: offset,
      size: definition.size,
      type,
      binding: STB.LOCAL,
    });
  }

  #copyEntry(part: Part, entry: TableEntry): void {
    const { section: source, start, size, relocations } = entry;
    const { name, type, flags, entrySize } = source;
    const table = this.builder.section({ name, type, flags: flags & ~SHF.LINK_ORDER, entrySize, fill: 0 });
    const at = table.append(source.data.slice(start, start + size), naturalAlignment(source.alignment, size));
    for (const relocation of relocations) {
      const target = part.side.object.targetOf(relocation, 0);
      const offset = at + relocation.offset - start;
      if (entry.replacement !== undefined && relocation.symbol.section === entry.replacement.section) {
        const { builder, offset: copied } = this.#copyReplacement(part, entry.replacement);
        table.relocations.push({ offset, type: relocation.type, symbol: builder.symbol, addend: copied });
      } else {
        this.#relocate(
          part,
          table,
          { offset, size: 0, type: relocation.type, target, bias: 0, implicit: false },
          'table',
        );
      }
    }
  }

  #copyReplacement(
    part: Part,
    range: NonNullable<TableEntry['replacement']>,
  ): { builder: SectionBuilder; offset: number } {
    const { name, type, flags } = range.section;
    const builder = this.builder.section({ name, type, flags, entrySize: 0, fill: 0x90 });
    const bytes = range.section.data.slice(range.start, range.start + range.size);
    const offset = builder.append(bytes, 1);
    const biases = biasesOf(decodeInstructions(bytes));
    for (const relocation of relocationsIn(range.section, range.start, range.start + range.size)) {
      const bias = biases.get(relocation.offset - range.start) ?? 0;
      const target = part.side.object.targetOf(relocation, bias);
      const at = offset + relocation.offset - range.start;
      this.#relocate(
        part,
        builder,
        { offset: at, size: 4, type: relocation.type, target, bias, implicit: false },
        'table',
      );
    }
    return { builder, offset };
  }

  #relocate(part: Part, section: SectionBuilder, reference: Reference, use: Use): void {
    const { symbol, addend } = this.#reach(part, reference.target, use);
    section.relocations.push({
      offset: reference.offset,
      type: reference.type,
      symbol,
      addend: addend + reference.bias,
    });
  }

  #reach(part: Part, target: Target, use: Use): { symbol: NewSymbol; addend: number } {
    const resolution = part.resolve(target, use);
    if (resolution.kind === 'running') {
      const name = this.#names.ofDefinition(part.owner, resolution.definition);
      return { symbol: name, addend: target.offset };
    }
    if (resolution.kind === 'copy') return this.#reachCopy(resolution.definition, target.offset);
    const { symbol, weak } = resolution;
    const definition = this.#globals.get(`${part.owner}\0${symbol}`) ?? this.#findNew(part.owner, symbol);
    if (definition !== undefined) return this.#reachCopy(definition, target.offset);
    const isOwn = symbol === THIS_MODULE && (part.owner === null || part.owner === 'vmlinux');
    if (isOwn && this.#thisModule !== undefined) return { symbol: this.#thisModule, addend: target.offset };
    const table = part.owner === null ? this.#tables.get(symbol) : undefined;
    if (table !== undefined) return { symbol: table, addend: target.offset };
    return { symbol: this.#names.ofSymbol(part.owner, symbol, weak), addend: target.offset };
  }

  /** What another kernel object gains (EXPORT_SYMBOL additions): it lies in the update, and is reached there. */
  #findNew(from: string | null, symbol: string): Definition | undefined {
    if (from === null || this.#known.isExported(symbol) || this.#known.isInKernel(symbol)) return undefined;
    const known = (this.#added.get(symbol) ?? []).filter(({ owner }) => owner !== from);
    const [only] = known;
    if (only === undefined || known.length > 1 || !this.#mayReachNew(symbol, from, only.owner))
      return undefined;
    return only.definition;
  }

  /** By section and offset, as assemblers do for local symbols: objtool takes a jump to a function's symbol for a tail call. */
  #reachCopy(definition: Definition, offset: number): { symbol: NewSymbol; addend: number } {
    const place = this.#placeOf(definition);
    return { symbol: place.section.symbol, addend: place.offset + offset };
  }

  #placeOf(definition: Definition): Place {
    const place = this.#places.get(definition);
    if (place === undefined)
      throw new InternalError('not-in-update', `${definition.name} is not part of the update`);
    return place;
  }
}
