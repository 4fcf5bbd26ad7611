// A shipped module as something to match against. A .ko is not linked to an address; here it is put where a module loader could put
// it: every section at an address of its own, every undefined symbol at a made-up one, relocations applied. Then its
// code reads like the kernel's, and matching needs no second way of looking at references.

import type { Btf } from '../btf/index.js';
import { SHF, SHT, STT } from '../elf/elf.layout.js';
import type { ObjectFile, ObjectSymbol, Section } from '../elf/object.js';
import { isPcRelative, relocationSize } from '../elf/relocation.js';
import { parseModuleSites } from '../kernel/module-sites.js';
import { appendTo } from '../map-entry.js';
import type { RunningObject, RunningSite } from './running-object.js';

/** The kernel's module area starts here; any address that sign-extends from 32 bits would do. */
const BASE = 0xffffffffa0000000n;
/** Undefined symbols stand this far apart, more than any offset added to one. */
const SPACING = 0x1000n;
const SECTION_ALIGNMENT = 0x1000n;

export interface LinkedModule extends RunningObject {
  /** Where a place of the file went. */
  addressOf(section: Section, offset: number): bigint | undefined;
  /** Section and offset of an address. */
  locate(address: bigint): { readonly section: Section; readonly offset: number } | undefined;
}

/** Links a parsed .ko for matching; `btf` is its kernel's. */
export function linkModule(name: string, file: ObjectFile, btf: Btf): LinkedModule {
  const layout = new Layout(file);
  const images = new Map<Section, Uint8Array>();
  for (const section of layout.sections) images.set(section, applyRelocations(layout, section));
  const byName = new Map<string, ObjectSymbol[]>();
  for (const symbol of file.symbols) {
    // livepatch counts what module_kallsyms_on_each_symbol() walks: everything with a name and a section that stays.
    if (symbol.name === '' || symbol.type === STT.SECTION || symbol.place === 'undefined') continue;
    appendTo(byName, symbol.name, symbol);
  }
  const addressOfSymbol = (symbol: ObjectSymbol) => layout.symbolAddress(symbol);
  const sites = parseModuleSites(file, btf, (section) => layout.sectionAddress(section, 0) ?? BASE, BASE);
  const linked: LinkedModule = {
    name,
    addressesOf: (symbol) => [
      ...(byName.get(symbol) ?? []).flatMap((found) => addressOfSymbol(found) ?? []),
      ...layout.undefinedAddress(symbol),
    ],
    position(symbol, address) {
      const same = byName.get(symbol) ?? [];
      const rankAmong = (symbols: readonly ObjectSymbol[]) => {
        const rank = symbols.findIndex((candidate) => addressOfSymbol(candidate) === address);
        return rank < 0 || symbols.length > 1 ? rank + 1 : 0;
      };
      if (!same.some((candidate) => addressOfSymbol(candidate) === address)) return undefined;
      // The kernel counts the symbols of init sections while the module is loaded, and forgets them afterwards.
      const rank = rankAmong(same);
      return rank === rankAmong(same.filter((candidate) => !isInit(candidate))) ? rank : undefined;
    },
    read(address, length) {
      const place = layout.locate(address);
      return place === undefined
        ? new Uint8Array(0)
        : (images.get(place.section) ?? new Uint8Array(0)).subarray(place.offset, place.offset + length);
    },
    sitesIn: (address, length) => [...sites.in(address, length), ...relocationSites(layout, address, length)],
    addressOf: (section, offset) => layout.sectionAddress(section, offset),
    locate: (address) => layout.locate(address),
  };
  return linked;
}

function isInit(symbol: ObjectSymbol): boolean {
  return symbol.section?.name.startsWith('.init') === true;
}

class Layout {
  readonly sections: readonly Section[];
  readonly #starts = new Map<Section, bigint>();
  readonly #undefined = new Map<string, bigint>();

  constructor(file: ObjectFile) {
    this.sections = file.sections.filter(
      (section) => (section.flags & SHF.ALLOC) !== 0 && section.type !== SHT.NULL,
    );
    let next = BASE;
    for (const section of this.sections) {
      this.#starts.set(section, next);
      next += BigInt(section.size) + 2n * SECTION_ALIGNMENT;
      next -= next % SECTION_ALIGNMENT;
    }
    for (const symbol of file.symbols) {
      if (symbol.place !== 'undefined' || symbol.name === '' || this.#undefined.has(symbol.name)) continue;
      this.#undefined.set(symbol.name, next);
      next += SPACING;
    }
  }

  sectionAddress(section: Section, offset: number): bigint | undefined {
    const start = this.#starts.get(section);
    return start === undefined ? undefined : start + BigInt(offset);
  }

  symbolAddress(symbol: ObjectSymbol): bigint | undefined {
    if (symbol.section !== undefined) return this.sectionAddress(symbol.section, symbol.value);
    if (symbol.place === 'absolute') return BigInt(symbol.value);
    return this.#undefined.get(symbol.name);
  }

  undefinedAddress(name: string): readonly bigint[] {
    const address = this.#undefined.get(name);
    return address === undefined ? [] : [address];
  }

  locate(address: bigint): { section: Section; offset: number } | undefined {
    for (const [section, start] of this.#starts) {
      const offset = address - start;
      if (offset >= 0n && offset < BigInt(section.size)) return { section, offset: Number(offset) };
    }
    return undefined;
  }
}

function applyRelocations(layout: Layout, section: Section): Uint8Array {
  const image = section.type === SHT.NOBITS ? new Uint8Array(section.size) : section.data.slice();
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  for (const { offset, type, symbol, addend } of section.relocations) {
    const target = layout.symbolAddress(symbol) ?? 0n;
    const place = layout.sectionAddress(section, offset) ?? 0n;
    const value = target + BigInt(addend) - (isPcRelative(type) ? place : 0n);
    const size = relocationSize(type);
    if (size === 4) view.setInt32(offset, Number(BigInt.asIntN(32, value)), true);
    else if (size === 8) view.setBigInt64(offset, BigInt.asIntN(64, value), true);
  }
  return image;
}

function relocationSites(layout: Layout, address: bigint, length: number): readonly RunningSite[] {
  const place = layout.locate(address);
  if (place === undefined) return [];
  return place.section.relocations
    .filter(
      ({ offset, type }) => offset + relocationSize(type) > place.offset && offset < place.offset + length,
    )
    .map(({ offset, type }) => ({
      address: address + BigInt(offset - place.offset),
      length: relocationSize(type),
      kind: 'relocation',
    }));
}
