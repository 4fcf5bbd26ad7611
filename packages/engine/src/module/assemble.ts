// Puts the selected definitions of all compared objects together into one relocatable object, which objtool then completes
// (ORC, static call sites, return thunks) as it would any module.
//
// All code goes into one `.text`, all strings and constants into one `.rodata` and so on: names of static functions repeat
// between objects, and two sections of one name would collide in sysfs. A reference to something in the running kernel becomes an undefined
// symbol; its plain name is kept where possible because objtool knows some functions by name (those that do not return).

import { InternalError } from '@resplice/report';
import { branchOperands } from '../diff/branch-operand.js';
import type { Side } from '../diff/compare.js';
import { biasesOf, type Definition, type Reference, relocationsIn, type Target } from '../diff/definition.js';
import { nameModuleExit } from '../diff/module-exit.js';
import type { Resolution, Use } from '../diff/select.js';
import type { TableEntry } from '../diff/table.js';
import { R_X86_64, SHF, SHT, STB, STT } from '../elf/elf.layout.js';
import { encodeObject, type NewSymbol } from '../elf/encode.js';
import { appendTo } from '../map-entry.js';
import { startsWithEndbr } from '../x86/endbr.js';
import { decodeInstructions } from '../x86/instruction.js';
import { addBuildTable, BUILDS_SYMBOL, type ModuleBuild } from './build-table.js';
import { addExitTable, EXITS_SYMBOL, type ModuleExit } from './exit-table.js';
import { addFreshTable, FRESH_SYMBOL, type FreshData, type FreshModule } from './fresh-table.js';
import { addHookTable, HOOKS_SYMBOL, type ObjectHook } from './hook-table.js';
import {
  type Address,
  addLivepatchTables,
  type LivepatchFunction,
  type LivepatchLayouts,
  PATCH_SYMBOL,
} from './livepatch-table.js';
import { findDeadEnds } from './no-return.js';
import { ObjectBuilder, type SectionBuilder, type SectionShape, SHAPES } from './section-builder.js';
import { addThisModule, THIS_MODULE } from './this-module.js';

/** What one compiled object contributes. */
export interface Part {
  /** The kernel object whose code it is: `vmlinux`, a module's name, or null for the update's own code. */
  readonly owner: string | null;
  readonly side: Side;
  readonly included: readonly Definition[];
  /** Data whose new content is written into the module when it is loaded. */
  readonly rewritten: readonly RewrittenData[];
  resolve(target: Target, use: Use): Resolution;
}

export interface RewrittenData {
  /** In the running kernel. */
  readonly before: Definition;
  readonly after: Definition;
}

/** A symbol that the assembled object leaves undefined. */
export interface Import {
  readonly symbol: string;
  readonly owner: string | null;
  /** The definition before, when the object itself defines it. */
  readonly definition: Definition | undefined;
  readonly weak: boolean;
}

export interface AssembledObject {
  readonly bytes: Uint8Array;
  /** Where each function lies in `.text`, in bytes. */
  readonly offsets: ReadonlyMap<Definition, number>;
  /** Name of the undefined symbol in `bytes` → what it stands for. */
  readonly imports: ReadonlyMap<string, Import>;
}

export interface AssemblyInput {
  readonly parts: readonly Part[];
  /** What the livepatch core is told to redirect; undefined in a module that it has nothing to do with. */
  readonly functions: readonly LivepatchFunction[] | undefined;
  readonly hooks?: readonly ObjectHook[];
  /** Modules whose exit function changes; the update's own code then is kmod/hooks.c with kmod/exit.c. */
  readonly exits?: readonly ModuleExit[];
  /** Modules that are loaded only after the update is applied; the own code is kmod/hooks.c as well, with kmod/fresh.c. */
  readonly fresh?: readonly FreshModule[];
  /** Modules that the livepatch core gives new code, all of them; the own code then has kmod/build.c as well. */
  readonly builds?: readonly ModuleBuild[];
  readonly layouts: LivepatchLayouts;
  /** Whether the kernel exports a symbol: then it is the same for the code of every object. */
  isExported(symbol: string): boolean;
  /** Whether vmlinux has a symbol; what it does not have belongs to a module. */
  isInKernel(symbol: string): boolean;
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
  const { imports, offsets } = assembler;
  return { bytes: encodeObject(assembler.builder.finish()), offsets, imports };
}

/** Trampoline of a static call. */
const TRAMPOLINE = /^__SCT__(.+)$/;

interface Place {
  readonly section: SectionBuilder;
  /** Of the definition's `start`. */
  readonly offset: number;
  readonly symbol: NewSymbol | undefined;
}

class Assembler {
  readonly builder = new ObjectBuilder();
  readonly imports = new Map<string, Import>();
  readonly #places = new Map<Definition, Place>();
  /** Global definitions of the update, which other parts of the same owner reach by name. */
  readonly #globals = new Map<string, Definition>();
  /** What is new in the update and not static, by symbol. */
  readonly #added = new Map<string, { readonly owner: string; readonly definition: Definition }[]>();
  readonly #mayReachNew: NonNullable<AssemblyInput['mayReachNew']>;
  readonly #aliases = new Map<Definition, string>();
  readonly #isExported: (symbol: string) => boolean;
  readonly #isInKernel: (symbol: string) => boolean;
  /** By the names under which the update's own code knows them. */
  readonly #tables = new Map<string, NewSymbol>();
  readonly #contents: {
    readonly part: Part;
    readonly section: SectionBuilder;
    readonly reference: Reference;
  }[] = [];
  #thisModule: NewSymbol | undefined;

  constructor(input: AssemblyInput) {
    this.#isExported = (symbol) => input.isExported(symbol);
    this.#isInKernel = (symbol) => input.isInKernel(symbol);
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
          const symbol = this.builder.import(this.#importDefinition(part, before));
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
    const offset = section.append(this.#bytesOf(part, definition), 8);
    for (const reference of part.side.object.referencesOf(definition))
      this.#contents.push({ part, section, reference: { ...reference, offset: offset + reference.offset } });
    return { symbol: section.symbol, addend: offset };
  }

  addTables(
    { functions, layouts, hooks = [], exits = [], fresh = [], builds = [] }: AssemblyInput,
    contents: readonly FreshData[],
  ): void {
    const ownFunction = (name: string) => {
      const entry = this.#globals.get(`null\0${name}`);
      if (entry === undefined)
        throw new InternalError('no-module-entry', `the update's own code has no ${name}`);
      return this.#reachCopy(entry, 0);
    };
    this.#thisModule = addThisModule(this.builder, layouts, ownFunction);
    const symbolOf = (definition: Definition): NewSymbol => {
      const { symbol } = this.#placeOf(definition);
      if (symbol !== undefined) return symbol;
      throw new InternalError('nameless-function', `${definition.section.name} has no symbol`);
    };
    if (functions !== undefined) {
      for (const { replacement } of functions) this.#allowWithoutEndbr(replacement);
      const hooked = new Set([...hooks, ...exits, ...fresh, ...builds].map(({ object }) => object));
      // Whose callbacks tell when all tasks have gone over.
      if (fresh.length > 0) hooked.add('vmlinux');
      const surroundings = { thisModule: this.#thisModule, symbolOf, hooked, ownFunction };
      this.#tables.set(PATCH_SYMBOL, addLivepatchTables(this.builder, functions, layouts, surroundings));
      if (hooked.size > 0) {
        this.#tables.set(EXITS_SYMBOL, addExitTable(this.builder, exits, symbolOf));
        this.#tables.set(FRESH_SYMBOL, addFreshTable(this.builder, fresh, contents, symbolOf));
        this.#tables.set(BUILDS_SYMBOL, addBuildTable(this.builder, builds));
      }
    }
    // Also where no code of ours reads it: objtool takes ENDBR away from functions whose address nobody has.
    if (hooks.length + exits.length + fresh.length + builds.length > 0)
      this.#tables.set(HOOKS_SYMBOL, addHookTable(this.builder, hooks, symbolOf));
  }

  get offsets(): ReadonlyMap<Definition, number> {
    const inText = [...this.#places].filter(([, { section }]) => section.shape.name === SHAPES.text.name);
    return new Map(inText.map(([definition, { offset }]) => [definition, offset]));
  }

  place(part: Part, definition: Definition): void {
    const section = this.builder.section(shapeOf(definition));
    const bytes = this.#bytesOf(part, definition);
    const offset = section.append(bytes, definition.section.alignment, definition.prefix);
    this.#places.set(definition, { section, offset, symbol: this.#define(definition, section, offset) });
  }

  /** With zeros where references are. */
  #bytesOf(part: Part, definition: Definition): Uint8Array {
    const { start, size, prefix, section } = definition;
    const bytes =
      section.type === SHT.NOBITS ? new Uint8Array(size) : section.data.slice(start - prefix, start + size);
    for (const reference of part.side.object.referencesOf(definition))
      bytes.fill(0, reference.offset + prefix, reference.offset + prefix + reference.size);
    return bytes;
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
      name: nameModuleExit(definition),
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
      const name = this.#importDefinition(part, resolution.definition);
      return { symbol: this.builder.import(name), addend: target.offset };
    }
    if (resolution.kind === 'copy') return this.#reachCopy(resolution.definition, target.offset);
    const { symbol, weak } = resolution;
    const definition = this.#globals.get(`${part.owner}\0${symbol}`) ?? this.#findNew(part.owner, symbol);
    if (definition !== undefined) return this.#reachCopy(definition, target.offset);
    const isOwn = symbol === THIS_MODULE && (part.owner === null || part.owner === 'vmlinux');
    if (isOwn && this.#thisModule !== undefined) return { symbol: this.#thisModule, addend: target.offset };
    const table = part.owner === null ? this.#tables.get(symbol) : undefined;
    if (table !== undefined) return { symbol: table, addend: target.offset };
    return { symbol: this.#importExternal(part, symbol, weak), addend: target.offset };
  }

  /** What another kernel object gains (EXPORT_SYMBOL additions): it lies in the update, and is reached there. */
  #findNew(from: string | null, symbol: string): Definition | undefined {
    if (from === null || this.#isExported(symbol) || this.#isInKernel(symbol)) return undefined;
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

  #importExternal(part: Part, symbol: string, weak: boolean): NewSymbol {
    const { owner } = part;
    const base = this.#importName(symbol);
    const name = this.#uniqueName(base, (known) => this.#isSameGlobal(known, symbol, owner));
    const known = this.imports.get(name);
    this.imports.set(name, {
      symbol,
      owner,
      definition: known?.definition,
      weak: weak && known?.weak !== false,
    });
    this.#nameKey(symbol, owner);
    return this.builder.import(name, weak ? STB.WEAK : STB.GLOBAL);
  }

  /**
   * A call through the trampoline of a static call becomes a static call site, by the trampoline's name. The key of a module is not
   * there when the kernel reads those sites, so a module's trampoline is called by another name, like any function: it leads to
   * the current target all the same.
   */
  #importName(symbol: string): string {
    return TRAMPOLINE.test(symbol) && !this.#isInKernel(symbol) ? `resplice${symbol}` : symbol;
  }

  /** objtool looks for the key of a static call by its name, and does not find what no symbol names. */
  #nameKey(trampoline: string, owner: string | null): void {
    const name = TRAMPOLINE.exec(trampoline)?.[1];
    if (name === undefined || !this.#isInKernel(trampoline) || this.imports.has(`__SCK__${name}`)) return;
    this.imports.set(`__SCK__${name}`, {
      symbol: `__SCK__${name}`,
      owner,
      definition: undefined,
      weak: false,
    });
    this.builder.import(`__SCK__${name}`);
  }

  #importDefinition(part: Part, definition: Definition): string {
    let name = this.#aliases.get(definition);
    if (name === undefined) {
      const isGlobal = definition.binding === 'global';
      const isSame = (known: Import) => isGlobal && this.#isSameGlobal(known, definition.name, part.owner);
      name = this.#uniqueName(this.#importName(definition.name), isSame);
      this.#aliases.set(definition, name);
      this.imports.set(name, { symbol: definition.name, owner: part.owner, definition, weak: false });
      this.#nameKey(definition.name, part.owner);
    }
    return name;
  }

  /** A global symbol is one within its kernel object, and an exported one within the kernel, whoever defines it. */
  #isSameGlobal(known: Import, symbol: string, owner: string | null): boolean {
    const isGlobal = known.definition === undefined || known.definition.binding === 'global';
    return isGlobal && known.symbol === symbol && (known.owner === owner || this.#isExported(symbol));
  }

  /** Two symbols of the running kernel may share a name; the second one gets an alias that does not outlive the making of the update. */
  #uniqueName(symbol: string, isSame: (known: Import) => boolean): string {
    for (let count = 0; ; count++) {
      const name = count === 0 ? symbol : `${symbol}.resplice.${count}`;
      if (name === THIS_MODULE) continue;
      const known = this.imports.get(name);
      if (known === undefined || isSame(known)) return name;
    }
  }

  #placeOf(definition: Definition): Place {
    const place = this.#places.get(definition);
    if (place === undefined)
      throw new InternalError('not-in-update', `${definition.name} is not part of the update`);
    return place;
  }
}

/** Code of assembly that is no function in the sense of C (SYM_CODE_START) has no type, and objtool lets others go on in it. */
function codeType({ symbols, start }: Definition): number {
  const isFunction = symbols.some(({ type, value }) => value === start && type === STT.FUNC);
  return isFunction ? STT.FUNC : STT.NOTYPE;
}

function shapeOf(definition: Definition): SectionShape {
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
function naturalAlignment(alignment: number, size: number): number {
  const natural = [8, 4, 2].find((candidate) => size % candidate === 0) ?? 1;
  return Math.max(alignment, natural);
}
