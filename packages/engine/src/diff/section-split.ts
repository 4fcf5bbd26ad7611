// Cutting a section into definitions: where its symbols say so, or, where it has none, where a reference points.

import { SHF, STB } from '../elf/elf.layout.js';
import type { ObjectSymbol, Section } from '../elf/object.js';
import { decodeInstructions } from '../x86/instruction.js';
import type { Definition, DefinitionKind } from './definition.js';
import type { SectionClass } from './section-class.js';

/**
 * Cuts a section at its symbols. A symbol inside the range of a sized one is a label or an alias of it. What lies between
 * is padding, except directly before a function, where it is the function's prefix.
 */
export function splitSection(
  section: Section,
  sectionClass: SectionClass,
  symbols: readonly ObjectSymbol[],
): readonly Definition[] {
  const kind = kindOf(sectionClass);
  if (section.size === 0) return emptySection(section, kind, sectionClass, symbols);
  const heads = headsOf(section, symbols);
  if (heads.length === 0) return [nameless(section, kind, sectionClass, 0, section.size)];
  const definitions: Definition[] = [];
  const byValue = symbols.toSorted((a, b) => a.value - b.value || a.index - b.index);
  let previousEnd = 0;
  let first = 0;
  for (const [index, head] of heads.entries()) {
    const next = heads[index + 1]?.value ?? section.size;
    const size = head.size > 0 ? head.size : next - head.value;
    while ((byValue[first]?.value ?? head.value) < head.value) first++;
    let last = first;
    while ((byValue[last]?.value ?? Number.POSITIVE_INFINITY) < head.value + Math.max(1, size)) last++;
    const inside = byValue.slice(first, last).sort((a, b) => a.index - b.index);
    const binding = strongest(inside.filter((symbol) => symbol.value === head.value));
    definitions.push({
      name: head.name,
      kind,
      section,
      sectionClass,
      start: head.value,
      size: Math.min(size, section.size - head.value),
      prefix: kind === 'function' ? prefixLength(section, previousEnd, head.value) : 0,
      symbols: inside.filter((symbol) => !isLabel(symbol.name)),
      binding,
    });
    previousEnd = head.value + size;
  }
  return definitions;
}

/** An object without a size (`struct lock_class_key` without lockdep) still has an address that code passes on. */
function emptySection(
  section: Section,
  kind: DefinitionKind,
  sectionClass: SectionClass,
  symbols: readonly ObjectSymbol[],
): readonly Definition[] {
  const [head] = symbols;
  if (head === undefined) return [];
  return [
    { ...nameless(section, kind, sectionClass, 0, 0), name: head.name, symbols, binding: strongest(symbols) },
  ];
}

/** `.LC5`: a compiler's label for a constant without a name. */
function isLabel(name: string): boolean {
  return name.startsWith('.L');
}

/** The first symbol of every range: sized ones in order of address, unsized ones only where no sized one covers them. */
function headsOf(section: Section, symbols: readonly ObjectSymbol[]): readonly ObjectSymbol[] {
  const sorted = [...symbols].sort(
    (a, b) => a.value - b.value || b.size - a.size || b.binding - a.binding || a.index - b.index,
  );
  const heads: ObjectSymbol[] = [];
  let end = 0;
  for (const symbol of sorted) {
    if (symbol.value < end || symbol.value >= section.size) continue;
    if (heads.at(-1)?.value === symbol.value) continue;
    if (symbol.name.startsWith('__pfx_')) continue;
    heads.push(symbol);
    end = symbol.value + symbol.size;
  }
  return heads;
}

/** Padding of nops between the previous code and a function, which the kernel may fill with code of its own (call thunks). */
function prefixLength(section: Section, previousEnd: number, start: number): number {
  // One function of an assembly file (kmod/assembly-sections.h): what stands before its first symbol begins at a label that left none.
  if (previousEnd === 0 && section.name.startsWith('.text.resplice.')) return start;
  let from = start;
  while (from > previousEnd && section.data[from - 1] === 0x90) from--;
  return start - from;
}

function kindOf(sectionClass: SectionClass): DefinitionKind {
  if (/^(init-|exit-)?text$/.test(sectionClass)) return 'function';
  return sectionClass === 'constant' ? 'constant' : 'data';
}

function strongest(symbols: readonly ObjectSymbol[]): Definition['binding'] {
  if (symbols.some((symbol) => symbol.binding === STB.GLOBAL)) return 'global';
  return symbols.some((symbol) => symbol.binding === STB.WEAK) ? 'weak' : 'local';
}

export function nameless(
  section: Section,
  kind: DefinitionKind,
  sectionClass: SectionClass,
  start: number,
  size: number,
): Definition {
  return {
    name: section.name,
    kind,
    section,
    sectionClass,
    start,
    size,
    prefix: 0,
    symbols: [],
    binding: 'local',
  };
}

/** A string with its terminator, whose characters are `entrySize` wide; or one constant of that size. */
export function stringLength(section: Section, offset: number): number {
  const width = Math.max(1, section.entrySize);
  if ((section.flags & SHF.STRINGS) === 0) return Math.min(width, section.size - offset);
  for (let at = offset; at + width <= section.size; at += width) {
    if (section.data.subarray(at, at + width).every((byte) => byte === 0)) return at + width - offset;
  }
  return section.size - offset;
}

/** Bytes up to and including the first unconditional jump. */
export function jumpLength(section: Section, offset: number): number {
  const end = decodeInstructions(section.data.subarray(offset)).find(
    (instruction) => instruction.branch === 'jump',
  );
  return end === undefined ? section.size - offset : end.offset + end.length;
}
