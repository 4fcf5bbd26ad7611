// An object file as what it defines: functions, data, constants, strings; and what each of these refers to.
//
// This is the unit in which two objects are compared and from which an update is put together. -ffunction-sections gives
// almost every definition a section of its own, but code with an explicit section (`.sched.text`, `.init.text`) still
// shares one, so a definition is a range of a section and never "the section". Assemblers turn references to local symbols into section + offset, so a
// reference is resolved back to the definition that covers the place, exactly: for an operand relative to the next
// instruction the instruction is decoded, as its addend alone does not say where it points
// (`movl $1, x(%rip)` has the immediate behind the displacement).

import { R_X86_64, SHT, STB, STT } from '../elf/elf.layout.js';
import type { ObjectFile, ObjectSymbol, Relocation, Section } from '../elf/object.js';
import { isPcRelative, relocationSize } from '../elf/relocation.js';
import { appendTo, ensure } from '../map-entry.js';
import { decodeInstructions, type Instruction } from '../x86/instruction.js';
import { classifySection, type SectionClass } from './section-class.js';
import { jumpLength, nameless, splitSection, stringLength } from './section-split.js';

export type DefinitionKind = 'function' | 'data' | 'constant' | 'string';

export interface Definition {
  readonly name: string;
  readonly kind: DefinitionKind;
  readonly section: Section;
  readonly sectionClass: SectionClass;
  /** Range in the section; `start` is where the symbol points. */
  readonly start: number;
  readonly size: number;
  /** Bytes directly before `start` that belong to it: the padding that CONFIG_CALL_PADDING puts before a function. */
  readonly prefix: number;
  /** All symbols inside the range, aliases included; empty for strings and nameless constants. */
  readonly symbols: readonly ObjectSymbol[];
  readonly binding: 'local' | 'global' | 'weak';
}

/** Where a reference points: into a definition of the same object, or to a symbol that the object does not define. */
export type Target =
  | { readonly definition: Definition; readonly offset: number }
  | { readonly symbol: string; readonly weak: boolean; readonly offset: number };

export interface Reference {
  /** From the definition's `start`; negative inside the prefix. */
  readonly offset: number;
  readonly size: number;
  readonly type: number;
  readonly target: Target;
  /** What has to be added to the target's address in the relocation's addend, -4 for most calls. */
  readonly bias: number;
  /** The object holds no relocation for it: a branch that the assembler resolved inside a section. */
  readonly implicit: boolean;
}

export interface DefinedObject {
  readonly file: ObjectFile;
  readonly definitions: readonly Definition[];
  /** The definition at a place of a section; strings and nameless constants are made on demand. */
  at(section: Section, offset: number): Target | undefined;
  bytesOf(definition: Definition): Uint8Array;
  referencesOf(definition: Definition): readonly Reference[];
  instructionsOf(definition: Definition): readonly Instruction[];
  targetOf(relocation: Relocation, bias: number): Target;
}

/** Splits an object into its definitions. */
export function defineObject(file: ObjectFile): DefinedObject {
  return new Definer(file);
}

class Definer implements DefinedObject {
  readonly file: ObjectFile;
  readonly definitions: readonly Definition[];
  readonly #bySection = new Map<Section, readonly Definition[]>();
  readonly #pieces = new Map<Section, Map<number, Definition>>();
  readonly #references = new Map<Definition, readonly Reference[]>();
  readonly #instructions = new Map<Definition, readonly Instruction[]>();

  constructor(file: ObjectFile) {
    this.file = file;
    const symbols = new Map<Section, ObjectSymbol[]>();
    for (const symbol of file.symbols) {
      if (symbol.section === undefined || symbol.type === STT.SECTION || symbol.type === STT.FILE) continue;
      appendTo(symbols, symbol.section, symbol);
    }
    const all: Definition[] = [];
    for (const section of file.sections) {
      const sectionClass = classifySection(section);
      if (sectionClass === 'ignored' || isOnDemand(sectionClass) || isTableLike(sectionClass)) continue;
      const split = splitSection(section, sectionClass, symbols.get(section) ?? []);
      this.#bySection.set(section, split);
      all.push(...split);
    }
    this.definitions = all;
  }

  at(section: Section, offset: number): Target | undefined {
    const list = this.#bySection.get(section);
    if (list === undefined) return this.#pieceAt(section, offset);
    const definition = findCovering(list, offset);
    return definition === undefined ? undefined : { definition, offset: offset - definition.start };
  }

  bytesOf(definition: Definition): Uint8Array {
    if (definition.section.type === SHT.NOBITS) return new Uint8Array(definition.size);
    return definition.section.data.subarray(definition.start, definition.start + definition.size);
  }

  instructionsOf(definition: Definition): readonly Instruction[] {
    return ensure(this.#instructions, definition, () => decodeInstructions(this.bytesOf(definition)));
  }

  referencesOf(definition: Definition): readonly Reference[] {
    return ensure(this.#references, definition, () => this.#resolve(definition));
  }

  targetOf(relocation: Relocation, bias: number): Target {
    const { symbol } = relocation;
    const offset = relocation.addend - bias;
    if (symbol.section !== undefined) {
      const found = this.at(symbol.section, symbol.value + offset);
      if (found !== undefined) return found;
    }
    return { symbol: symbol.name, weak: symbol.binding === STB.WEAK, offset };
  }

  #resolve(definition: Definition): readonly Reference[] {
    const first = definition.start - definition.prefix;
    const end = definition.start + definition.size;
    const relocations = relocationsIn(definition.section, first, end);
    const biases = definition.kind === 'function' ? biasesOf(this.instructionsOf(definition)) : undefined;
    const references: Reference[] = relocations.map((relocation) => {
      const offset = relocation.offset - definition.start;
      const bias = isPcRelative(relocation.type) ? (biases?.get(offset) ?? 0) : 0;
      return {
        offset,
        size: relocationSize(relocation.type),
        type: relocation.type,
        target: this.targetOf(relocation, bias),
        bias,
        implicit: false,
      };
    });
    if (definition.kind === 'function') references.push(...this.#implicitBranches(definition, references));
    return references.sort((a, b) => a.offset - b.offset);
  }

  /** Branches that leave the function without a relocation go to a neighbour in a shared section. */
  #implicitBranches(definition: Definition, explicit: readonly Reference[]): Reference[] {
    const relocated = new Set(explicit.map((reference) => reference.offset));
    const found: Reference[] = [];
    for (const instruction of this.instructionsOf(definition)) {
      const field = instruction.immediate;
      if (instruction.branch === 'other' || field === undefined) continue;
      if (instruction.target >= 0 && instruction.target < definition.size) continue;
      const offset = instruction.offset + field.at;
      if (relocated.has(offset)) continue;
      const target = this.at(definition.section, definition.start + instruction.target);
      if (target === undefined || !('definition' in target)) continue;
      const type = field.size === 4 ? R_X86_64.PC32 : R_X86_64.PC8;
      found.push({
        offset,
        size: field.size,
        type,
        target,
        bias: field.at - instruction.length,
        implicit: true,
      });
    }
    return found;
  }

  /** The string, small constant or piece of code that starts at `offset` of a section that is cut where it is referred to. */
  #pieceAt(section: Section, offset: number): Target | undefined {
    const sectionClass = classifySection(section);
    if (!isOnDemand(sectionClass) || offset < 0 || offset >= section.size) return undefined;
    const pieces = ensure(this.#pieces, section, () => new Map<number, Definition>());
    const definition = ensure(pieces, offset, () =>
      sectionClass === 'aside'
        ? nameless(section, 'function', sectionClass, offset, jumpLength(section, offset))
        : nameless(section, 'string', sectionClass, offset, stringLength(section, offset)),
    );
    return { definition, offset: 0 };
  }
}

/**
 * Offset of each displacement and immediate in decoded code → its distance from the end of its instruction, negative.
 * This is what an operand relative to the next instruction adds to the place of its relocation.
 */
export function biasesOf(instructions: readonly Instruction[]): ReadonlyMap<number, number> {
  const biases = new Map<number, number>();
  for (const instruction of instructions) {
    for (const field of [instruction.displacement, instruction.immediate]) {
      if (field !== undefined) biases.set(instruction.offset + field.at, field.at - instruction.length);
    }
  }
  return biases;
}

/** Sections without definitions of their own: where a reference points decides what is one. */
function isOnDemand(sectionClass: SectionClass): boolean {
  return sectionClass === 'string' || sectionClass === 'aside';
}

function isTableLike(sectionClass: SectionClass): boolean {
  return sectionClass === 'table' || sectionClass === 'annotation' || sectionClass === 'export';
}

/** Relocations with `first <= offset < end`, by binary search. */
export function relocationsIn(section: Section, first: number, end: number): readonly Relocation[] {
  const list = section.relocations;
  return list.slice(lowerBound(list, first), lowerBound(list, end));
}

function lowerBound(list: readonly { readonly offset: number }[], offset: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle]?.offset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A place just behind a definition belongs to it when nothing starts there, and a place before all belongs to the first. */
function findCovering(list: readonly Definition[], offset: number): Definition | undefined {
  let low = 0;
  let high = list.length;
  // The last one that begins, with its prefix, at or before the offset.
  while (low < high) {
    const middle = (low + high) >>> 1;
    const definition = list[middle];
    if (definition !== undefined && definition.start - definition.prefix <= offset) low = middle + 1;
    else high = middle;
  }
  return list[Math.max(0, low - 1)];
}
