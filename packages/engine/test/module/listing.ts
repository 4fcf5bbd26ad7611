// Finding one's way in an assembled object.

import assert from 'node:assert/strict';
import { findSection, type ObjectFile, type Section } from '../../src/elf/object.js';
import { type ReadRelocation, readRelocations, readSymbols } from '../elf/readelf.js';

export function sectionOf(file: ObjectFile, name: string): Section {
  const section = findSection(file, name);
  assert.ok(section, name);
  return section;
}

export function stringAt({ data }: Section, offset: number): string {
  return Buffer.from(data.subarray(offset, data.indexOf(0, offset))).toString('utf8');
}

/** Relocations inside a function, offsets and all as readelf tells them. */
export async function relocationsOf(bytes: Uint8Array, name: string): Promise<readonly ReadRelocation[]> {
  const symbol = (await readSymbols(bytes)).find((found) => found.name === name && found.type === 'FUNC');
  assert.ok(symbol, name);
  const { value, size } = symbol;
  const inside = ({ list, offset }: ReadRelocation) =>
    list === '.rela.text' && offset >= value && offset < value + size;
  return (await readRelocations(bytes)).filter(
    (relocation) => inside(relocation) && relocation.symbol !== '__x86_return_thunk',
  );
}

/** Mnemonics of a function in the output of objdump, padding left out. */
export function mnemonics(listing: string, name: string): readonly string[] {
  const [, body] =
    new RegExp(`^[0-9a-f]+ <${name.replaceAll('.', '\\.')}>:\n((?: .*\n)*)`, 'm').exec(listing) ?? [];
  assert.ok(body, name);
  const all = body.split('\n').flatMap((line) => /^ +[0-9a-f]+:\t(\S+)/.exec(line)?.[1] ?? []);
  return all.slice(0, all.findLastIndex((mnemonic) => mnemonic !== 'int3') + 1);
}

/** The instruction that objdump shows at an address of `.text`, which comes first. */
export function instructionAt(listing: string, address: number): string {
  return new RegExp(`^ +${address.toString(16)}:\\t(.*)$`, 'm').exec(listing)?.[1] ?? '';
}
