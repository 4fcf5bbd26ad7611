// What readelf says about an object, so that nothing we write is judged by our own reader alone.

import { inspect } from './compiler.js';

export interface ReadRelocation {
  /** Name of the relocation section. */
  readonly list: string;
  readonly offset: number;
  readonly type: string;
  readonly symbol: string;
  readonly addend: number;
}

export interface ReadSymbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly type: string;
  readonly binding: string;
  /** Section index, or `UND`, `ABS`, `OS [0xff20]`. */
  readonly section: string;
}

export interface ReadSection {
  readonly index: number;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly flags: string;
  readonly link: number;
  readonly info: number;
  readonly alignment: number;
}

export async function readRelocations(bytes: Uint8Array): Promise<readonly ReadRelocation[]> {
  const relocations: ReadRelocation[] = [];
  let list = '';
  for (const line of (await inspect('readelf', ['-rW'], bytes)).split('\n')) {
    list = /^Relocation section '(.*)'/.exec(line)?.[1] ?? list;
    const match = /^([0-9a-f]{16}) +[0-9a-f]{16} (R_\w+) +[0-9a-f]{16} (.+) ([+-]) ([0-9a-f]+)$/.exec(line);
    if (match === null) continue;
    const [, offset = '', type = '', symbol = '', sign, addend = ''] = match;
    const distance = Number.parseInt(addend, 16);
    relocations.push({
      list,
      offset: Number.parseInt(offset, 16),
      type,
      symbol,
      addend: sign === '-' ? -distance : distance,
    });
  }
  return relocations;
}

export async function readSymbols(bytes: Uint8Array): Promise<readonly ReadSymbol[]> {
  const symbols: ReadSymbol[] = [];
  for (const line of (await inspect('readelf', ['-sW'], bytes)).split('\n')) {
    const match = /^ +\d+: ([0-9a-f]{16}) +(\d+) (\w+) +(\w+) +\w+ +(OS \[0x[0-9a-f]+\]|\w+) ?(.*)$/.exec(
      line,
    );
    if (match === null) continue;
    const [, value = '', size = '', type = '', binding = '', section = '', name = ''] = match;
    symbols.push({ name, value: Number.parseInt(value, 16), size: Number(size), type, binding, section });
  }
  return symbols;
}

export async function readSections(bytes: Uint8Array): Promise<readonly ReadSection[]> {
  const pattern =
    /^ +\[ *(\d+)\] (\S+) +(\S+) +[0-9a-f]{16} [0-9a-f]+ ([0-9a-f]+) [0-9a-f]+ +([A-Za-z]*) +(\d+) +(\d+) +(\d+)$/;
  const sections: ReadSection[] = [];
  for (const line of (await inspect('readelf', ['-SW'], bytes)).split('\n')) {
    const match = pattern.exec(line);
    if (match === null) continue;
    const [, index, name = '', type = '', size = '', flags = '', link, info, alignment] = match;
    sections.push({
      index: Number(index),
      name,
      type,
      size: Number.parseInt(size, 16),
      flags,
      link: Number(link),
      info: Number(info),
      alignment: Number(alignment),
    });
  }
  return sections;
}
