// Tables whose entries say something about a place in code: which instruction may fault, which the kernel rewrites at boot,
// where a warning stands. An entry belongs to the definition that its owner field points into; when that definition is
// compared, its entries are compared with it, and when it is copied into an update, they go along. Nothing else of a table does.
//
// Entry sizes come from the target kernel's own types where C declares them, and from the spacing of relocations
// where only assembler macros do (the annotations for objtool have exactly one reference each).

import type { ObjectFile, Relocation, Section } from '../elf/object.js';
import { findSection } from '../elf/object.js';
import { appendTo } from '../map-entry.js';
import type { DefinedObject, Definition, Target } from './definition.js';
import { relocationsIn } from './definition.js';
import { classifySection } from './section-class.js';

/** Size of a structure and offsets of its members, from the target kernel's BTF or DWARF. */
export interface StructLayouts {
  find(name: string): { readonly size: number; readonly offsets: ReadonlyMap<string, number> } | undefined;
}

interface TableRule {
  readonly section: string;
  /** C structure of an entry; empty when only assembler macros know it. */
  readonly struct: string;
  readonly owner: string;
  /** How many references an entry holds, the likeliest first: where the kernel's types are not known, this gives its size. */
  readonly references: readonly number[];
  /** Sizes that the structure has had, when the number of references varies: an alternative may have no replacement. */
  readonly sizes?: readonly number[];
  /** Members that say where in the source the entry is, as name and length in bytes: their change changes nothing that runs. */
  readonly cosmetic?: readonly (readonly [string, number])[];
}

const BUG_LINE = [['line', 2]] as const;

const TABLES: readonly TableRule[] = [
  {
    section: '.altinstructions',
    struct: 'alt_instr',
    owner: 'instr_offset',
    references: [2],
    sizes: [12, 13, 14],
  },
  { section: '__ex_table', struct: 'exception_table_entry', owner: 'insn', references: [2, 3] },
  {
    section: '__bug_table',
    struct: 'bug_entry',
    owner: 'bug_addr_disp',
    references: [2, 1],
    cosmetic: BUG_LINE,
  },
  { section: '__jump_table', struct: 'jump_entry', owner: 'code', references: [3] },
  { section: '.parainstructions', struct: 'paravirt_patch_site', owner: 'instr', references: [1] },
  { section: '.static_call_sites', struct: 'static_call_site', owner: 'addr', references: [2] },
];

/** Of every other table: an entry is one reference, with or without something behind it. */
const ONE_REFERENCE: Omit<TableRule, 'section'> = { struct: '', owner: '', references: [1] };

/** Where `replacementlen` lies in an alt_instr of this size, and `line` in a bug_entry, when the types do not say. */
const REPLACEMENT_LENGTH_AT = new Map([
  [12, 11],
  [13, 11],
  [14, 13],
]);
const BUG_LINE_AT = 8;

/** Code that replaces an instruction at boot; `.altinstructions` entries point at it. */
const REPLACEMENTS = '.altinstr_replacement';

export interface TableEntry {
  readonly section: Section;
  readonly start: number;
  readonly size: number;
  readonly ownerOffset: number;
  readonly relocations: readonly Relocation[];
  /** Ranges of the entry, from its start, that a comparison leaves out. */
  readonly cosmetic: readonly { readonly at: number; readonly length: number }[];
  /** The range of replacement code, of an alternative. */
  readonly replacement:
    | { readonly section: Section; readonly start: number; readonly size: number }
    | undefined;
}

export interface ObjectTables {
  /** Entries that belong to a definition, by name of the table, then by position. */
  of(definition: Definition): readonly TableEntry[];
  /** Entries whose owner field points at no definition of the object. */
  readonly orphans: readonly TableEntry[];
  /** Tables whose size is no multiple of their entries', which cannot be understood. */
  readonly misshapen: readonly Section[];
}

/** Splits all tables of an object into entries and gives each to its owner. */
export function collectTables(object: DefinedObject, layouts: StructLayouts): ObjectTables {
  const byOwner = new Map<Definition, TableEntry[]>();
  const orphans: TableEntry[] = [];
  const misshapen: Section[] = [];
  for (const section of object.file.sections) {
    const sectionClass = classifySection(section);
    if (section.size === 0 || section.name === REPLACEMENTS) continue;
    if (sectionClass !== 'table' && sectionClass !== 'annotation') continue;
    const shape = shapeOf(section, layouts);
    if (shape === undefined) {
      misshapen.push(section);
      continue;
    }
    for (let start = 0; start < section.size; start += shape.size) {
      const entry = readEntry(object.file, section, start, shape);
      const owner = ownerOf(object, entry, shape.owner);
      if (owner === undefined) orphans.push(entry);
      else appendTo(byOwner, owner, entry);
    }
  }
  // The assembler puts tables in the order in which code first uses them, so a new function above turns it round for all below.
  for (const entries of byOwner.values())
    entries.sort((a, b) => compareNames(a.section.name, b.section.name));
  return { of: (definition) => byOwner.get(definition) ?? [], orphans, misshapen };
}

function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where a relocation of an entry points; entries are relative to the field itself. */
export function entryTarget(object: DefinedObject, relocation: Relocation): Target {
  return object.targetOf(relocation, 0);
}

interface Shape {
  readonly size: number;
  readonly owner: number;
  readonly cosmetic: readonly { readonly at: number; readonly length: number }[];
  readonly offsets: ReadonlyMap<string, number> | undefined;
}

function shapeOf(section: Section, layouts: StructLayouts): Shape | undefined {
  const rule = TABLES.find((candidate) => candidate.section === section.name) ?? ONE_REFERENCE;
  const layout = rule.struct === '' ? undefined : layouts.find(rule.struct);
  const size = layout?.size ?? inferSize(section, rule.references) ?? chooseSize(section, rule.sizes ?? []);
  if (size === undefined || (layout !== undefined && section.size % size !== 0)) return undefined;
  const cosmetic = (rule.cosmetic ?? []).flatMap(([name, length]) => {
    const at = layout === undefined ? BUG_LINE_AT : layout.offsets.get(name);
    return at === undefined || at + length > size ? [] : [{ at, length }];
  });
  return { size, owner: layout?.offsets.get(rule.owner) ?? 0, cosmetic, offsets: layout?.offsets };
}

/** The distance at which the pattern of references repeats; the last entry may lack its padding. */
function inferSize({ relocations, size }: Section, counts: readonly number[]): number | undefined {
  const [first] = relocations;
  if (first?.offset !== 0) return undefined;
  for (const count of counts) {
    if (relocations.length % count !== 0) continue;
    const entries = relocations.length / count;
    const stride = relocations[count]?.offset ?? size;
    const repeats = relocations.every(
      ({ offset }, index) =>
        offset === Math.floor(index / count) * stride + (relocations[index % count]?.offset ?? 0),
    );
    if (repeats && size <= entries * stride && size > (entries - 1) * stride) return stride;
  }
  return undefined;
}

/** The size at which every entry begins with a reference. */
function chooseSize({ relocations, size }: Section, sizes: readonly number[]): number | undefined {
  const at = new Set(relocations.map(({ offset }) => offset));
  return sizes.find((candidate) => {
    if (size % candidate !== 0) return false;
    for (let start = 0; start < size; start += candidate) if (!at.has(start)) return false;
    return true;
  });
}

function readEntry(file: ObjectFile, section: Section, start: number, shape: Shape): TableEntry {
  const size = Math.min(shape.size, section.size - start);
  const relocations = relocationsIn(section, start, start + size);
  return {
    section,
    start,
    size,
    ownerOffset: shape.owner,
    relocations,
    cosmetic: shape.cosmetic,
    replacement:
      section.name === '.altinstructions' ? findReplacement(file, section, start, shape) : undefined,
  };
}

function findReplacement(
  file: ObjectFile,
  section: Section,
  start: number,
  shape: Shape,
): TableEntry['replacement'] {
  const code = findSection(file, REPLACEMENTS);
  const at = start + (shape.offsets?.get('repl_offset') ?? 4);
  const relocation = relocationsIn(section, at, at + 1)[0];
  const length =
    section.data[
      start + (shape.offsets?.get('replacementlen') ?? REPLACEMENT_LENGTH_AT.get(shape.size) ?? Number.NaN)
    ];
  if (code === undefined || relocation?.symbol.section !== code || length === undefined) return undefined;
  return { section: code, start: relocation.symbol.value + relocation.addend, size: length };
}

function ownerOf(object: DefinedObject, entry: TableEntry, owner: number): Definition | undefined {
  const relocation = entry.relocations.find((candidate) => candidate.offset === entry.start + owner);
  if (relocation === undefined) return undefined;
  const target = entryTarget(object, relocation);
  return 'definition' in target ? target.definition : undefined;
}
