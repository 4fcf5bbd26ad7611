// From the object that objtool has completed to the module that the kernel loads.
//
// Every undefined symbol is now given its way to be resolved: an exported symbol by the module loader (with its checksum), anything
// else as the engine does it. A trampoline update leaves it undefined and lists it; link-absolute.ts fills in the address where the update is
// applied. The livepatch core resolves it by relocations of their own (Documentation/livepatch/module-elf-format.rst):
// `.klp.rela.OBJECT.SECTION` with symbols `.klp.sym.OBJECT.NAME,POSITION`. Those of vmlinux are applied when the update is loaded,
// before the kernel reads its tables (jump labels, static calls, alternatives); those of a module when that module is there, which is too late for such
// tables, hence the refusal `module-special-section`.

import { InternalError, type Reason } from '@resplice/report';
import { SHF, SHT, STB, STT } from '../elf/elf.layout.js';
import {
  encodeObject,
  type NewRelocation,
  type NewRelocations,
  type NewSection,
  type NewSymbol,
} from '../elf/encode.js';
import { type ObjectSymbol, parseObject, type Relocation, type Section } from '../elf/object.js';
import { isLoadable, relocationName } from '../elf/relocation.js';
import { appendTo } from '../map-entry.js';
import type { LivepatchLayouts } from './livepatch-table.js';
import { encodeModinfo, encodeVersions, type ModuleIdentity } from './module-section.js';
import { nameModule, THIS_MODULE_SECTION } from './this-module.js';

/** How a symbol that the update does not define is found in the running kernel. */
export type Binding =
  | { readonly kind: 'export'; readonly crc: number }
  | {
      readonly kind: 'symbol';
      /** `vmlinux` or the module that has the symbol. */
      readonly object: string;
      readonly name: string;
      readonly position: number;
      /** In vmlinux: where it is linked to. */
      readonly address?: bigint | undefined;
      /** The object whose presence lets it be resolved: `vmlinux`, or the patched module whose code refers to it. */
      readonly applyWith: string;
    };

export interface FinalizeInput {
  /** What objtool made of the assembled object. */
  readonly bytes: Uint8Array;
  /** Name of the undefined symbol → its binding. */
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly identity: ModuleIdentity;
  readonly layouts: LivepatchLayouts;
}

/** A symbol that is left undefined, for its address to be filled in. */
export interface AbsoluteImport {
  /** In the module. */
  readonly symbol: string;
  /** `vmlinux` or the module that has it. */
  readonly object: string;
  /** There, as kallsyms spells it. */
  readonly name: string;
  /** 0 when the name is unique in the object, else its rank from 1. */
  readonly position: number;
  /** In vmlinux: where it is linked to, as the kernel prints addresses. */
  readonly address?: string;
  /** The object whose presence lets it be filled in: `vmlinux`, or the patched module whose code refers to it. */
  readonly applyWith: string;
}

export interface FinishedModule {
  readonly bytes: Uint8Array;
  /** In order of their names; none in a livepatch module. */
  readonly imports: readonly AbsoluteImport[];
  readonly reasons: readonly Reason[];
}

/** Tables that the module loader reads before the relocations of a module's symbols can be applied. */
const EARLY_TABLES =
  /^(\.altinstructions|\.parainstructions|__jump_table|\.static_call_sites|\.smp_locks|__ex_table|__bug_table|\.retpoline_sites|\.return_sites|\.call_sites|\.ibt_endbr_seal|\.altinstr_replacement)$/;
const DROPPED =
  /^(\.discard\.|\.comment$|\.note\.GNU-stack$|\.symtab$|\.strtab$|\.shstrtab$|\.symtab_shndx$|\.modinfo$|__patchable_function_entries$)/;

/** Writes the loadable module. Symbols without a binding must have been refused before. */
export function finalizeModule(input: FinalizeInput): FinishedModule {
  return new Finalizer(input).run();
}

class Finalizer {
  readonly #input: FinalizeInput;
  readonly #sections = new Map<Section, NewSection>();
  readonly #symbols = new Map<ObjectSymbol, NewSymbol>();
  readonly #livepatch = new Map<string, NewSymbol>();
  readonly #added: NewSection[] = [];
  readonly #relocations: NewRelocations[] = [];
  readonly #reasons: Reason[] = [];

  constructor(input: FinalizeInput) {
    this.#input = input;
  }

  run(): FinishedModule {
    const object = parseObject(this.#input.bytes, 'update');
    for (const section of object.sections)
      if (isKept(section)) this.#sections.set(section, this.#copy(section));
    this.#added.push(plainSection('.modinfo', SHF.ALLOC, encodeModinfo(this.#input.identity), 1));
    for (const symbol of object.symbols) this.#keepDefined(symbol);
    for (const section of this.#sections.keys()) this.#bind(section);
    const used = new Set(this.#relocations.flatMap((list) => list.entries.map((entry) => entry.symbol)));
    const all = [...this.#symbols.values(), ...this.#livepatch.values()];
    const symbols = all.filter((symbol) => typeof symbol.place !== 'string' || used.has(symbol));
    this.#addVersions(symbols);
    const sections = [...this.#sections.values(), ...this.#added];
    const bytes = encodeObject({ sections, symbols, relocations: this.#relocations });
    return { bytes, imports: this.#listImports(symbols), reasons: this.#reasons };
  }

  #copy(section: Section): NewSection {
    const copy = copySection(section);
    if (section.name !== THIS_MODULE_SECTION) return copy;
    return { ...copy, data: nameModule(section.data, this.#input.identity.name, this.#input.layouts) };
  }

  #keepDefined(symbol: ObjectSymbol): void {
    if (symbol.section !== undefined && this.#sections.has(symbol.section)) this.#define(symbol);
  }

  #define(symbol: ObjectSymbol): NewSymbol {
    let defined = this.#symbols.get(symbol);
    if (defined === undefined) {
      const place = symbol.section === undefined ? 'undefined' : this.#sections.get(symbol.section);
      if (place === undefined)
        throw new InternalError(
          'dropped-section',
          `${symbol.name} lies in a section that modules do not have`,
        );
      const { name, value, size, type, binding } = symbol;
      defined = { name, place, value, size, type, binding };
      this.#symbols.set(symbol, defined);
    }
    return defined;
  }

  /** Sorts the relocations of a section by who applies them. */
  #bind(section: Section): void {
    const target = this.#sections.get(section);
    if (target === undefined) return;
    const lists = new Map<string, NewRelocation[]>();
    for (const relocation of section.relocations) {
      if (!isLoadable(relocation.type))
        this.#refuse('unsupported-relocation', section, relocation, relocationName(relocation.type));
      const { symbol, object } = this.#resolve(section, relocation);
      appendTo(lists, object ?? '', {
        offset: relocation.offset,
        type: relocation.type,
        symbol,
        addend: relocation.addend,
      });
    }
    for (const [object, entries] of lists) {
      if (object === '') this.#relocations.push({ name: `.rela${section.name}`, target, flags: 0, entries });
      else
        this.#relocations.push({
          name: `.klp.rela.${object}.${section.name}`,
          target,
          flags: SHF.ALLOC | SHF.RELA_LIVEPATCH,
          entries,
        });
    }
  }

  #resolve(section: Section, relocation: Relocation): { symbol: NewSymbol; object?: string } {
    const { symbol } = relocation;
    if (symbol.section !== undefined) return { symbol: this.#define(symbol) };
    const binding = this.#input.bindings.get(symbol.name);
    // The module loader gives a weak symbol that nobody has the address 0, which the code asks for.
    if (binding === undefined && symbol.binding === STB.WEAK) return { symbol: this.#define(symbol) };
    if (binding === undefined) throw new InternalError('no-binding', `no binding for ${symbol.name}`);
    if (binding.kind === 'export') return { symbol: this.#define(symbol) };
    if (binding.applyWith !== 'vmlinux' && EARLY_TABLES.test(section.name)) {
      this.#refuse(
        'module-special-section',
        section,
        relocation,
        `${binding.name} of module ${binding.object}`,
      );
    }
    if (this.#input.identity.engine === 'trampoline') return { symbol: this.#define(symbol) };
    const name = `.klp.sym.${binding.object}.${binding.name},${binding.position}`;
    let livepatch = this.#livepatch.get(name);
    if (livepatch === undefined) {
      livepatch = { name, place: 'livepatch', value: 0, size: 0, type: STT.NOTYPE, binding: STB.GLOBAL };
      this.#livepatch.set(name, livepatch);
    }
    return { symbol: livepatch, object: binding.applyWith };
  }

  #listImports(symbols: readonly NewSymbol[]): readonly AbsoluteImport[] {
    const undefinedOnes = symbols.filter(({ place }) => place === 'undefined');
    return undefinedOnes
      .flatMap(({ name: symbol }): readonly AbsoluteImport[] => {
        const binding = this.#input.bindings.get(symbol);
        if (binding?.kind !== 'symbol') return [];
        const { object, name, position, address, applyWith } = binding;
        const place = address === undefined ? {} : { address: `0x${address.toString(16)}` };
        return [{ symbol, object, name, position, applyWith, ...place }];
      })
      .sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  }

  #addVersions(symbols: readonly NewSymbol[]): void {
    const { layoutCrc } = this.#input.identity;
    if (layoutCrc === undefined) return;
    const crcs = new Map<string, number>();
    for (const symbol of symbols) {
      if (symbol.place !== 'undefined') continue;
      const binding = this.#input.bindings.get(symbol.name);
      if (binding?.kind === 'export') crcs.set(symbol.name, binding.crc);
    }
    this.#added.push(plainSection('__versions', SHF.ALLOC, encodeVersions(layoutCrc, crcs), 32));
  }

  #refuse(code: Reason['code'], section: Section, relocation: Relocation, what: string): void {
    this.#reasons.push({
      code,
      subject: { section: section.name, offset: relocation.offset, symbol: relocation.symbol.name },
      found: `it refers to ${what}`,
    });
  }
}

function isKept(section: Section): boolean {
  return (
    section.type !== SHT.NULL &&
    section.type !== SHT.RELA &&
    section.type !== SHT.GROUP &&
    !DROPPED.test(section.name)
  );
}

function copySection(section: Section): NewSection {
  const { name, type, flags, alignment, entrySize, data, size } = section;
  return { name, type, flags: flags & ~(SHF.GROUP | SHF.LINK_ORDER), alignment, entrySize, data, size };
}

function plainSection(name: string, flags: number, data: Uint8Array, alignment: number): NewSection {
  return { name, type: SHT.PROGBITS, flags, alignment, entrySize: 0, data, size: data.length };
}
