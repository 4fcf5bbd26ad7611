// The linker of the trampoline engine. A module of it leaves what the kernel does not export undefined; where the update is applied, the
// address of each such symbol in the running kernel is written into the symbol table: the symbol becomes an absolute one. The kernel's module
// loader leaves absolute symbols as they are and does all the rest as for any module: relocations, alternatives, jump labels,
// ORC, exception and bug tables. Rejected: applying the relocations here, for then each of those would have to be redone here as well.
//
// What belongs to a module that may come and go is not known then. Its fields stay empty (their relocations become R_X86_64_NONE, which the loader
// leaves alone), and the engine's core fills them in whenever the module is there.
// Source: System V ABI, "Symbol Table", SHN_ABS.

import { InputError } from '@resplice/report';
import { ByteReader, ByteWriter } from '../bytes/index.js';
import { Elf64_Rela, Elf64_Sym, R_X86_64, SHN, SHT } from '../elf/elf.layout.js';
import { parseObject } from '../elf/object.js';

/** A field of a module that gets the address of a symbol. */
export interface Fixup {
  /** Name of the section it is in. */
  readonly section: string;
  readonly offset: number;
  /** R_X86_64_… */
  readonly type: number;
  readonly symbol: string;
  readonly addend: bigint;
}

/** The module without the relocations to these undefined symbols, and what they were. */
export function takeFixups(
  module: Uint8Array,
  symbols: ReadonlySet<string>,
  name: string,
): { readonly module: Uint8Array; readonly fixups: readonly Fixup[] } {
  const emptied = module.slice();
  const object = parseObject(emptied, name);
  const fixups: Fixup[] = [];
  for (const { type, data, info } of object.sections) {
    if (type !== SHT.RELA) continue;
    const section = object.sections[info]?.name ?? '';
    const reader = new ByteReader(data, { file: name });
    while (reader.remaining > 0) {
      const at = data.byteOffset - emptied.byteOffset + reader.offset;
      const entry = Elf64_Rela.read(reader);
      const symbol = object.symbols[entry.r_sym];
      if (symbol?.place !== 'undefined' || !symbols.has(symbol.name)) continue;
      const writer = new ByteWriter();
      Elf64_Rela.write(writer, { ...entry, r_type: R_X86_64.NONE });
      emptied.set(writer.finish(), at);
      const { r_offset: offset, r_addend: addend } = entry;
      fixups.push({ section, offset, type: entry.r_type, symbol: symbol.name, addend });
    }
  }
  const nowhere = new Map([...symbols].map((symbol) => [symbol, 0n]));
  return { module: linkAbsolute(emptied, nowhere, name), fixups };
}

/**
 * The module with these symbols at these addresses.
 * @param addresses name of the undefined symbol → address, all of which the module must have
 */
export function linkAbsolute(
  module: Uint8Array,
  addresses: ReadonlyMap<string, bigint>,
  name: string,
): Uint8Array {
  const linked = module.slice();
  const object = parseObject(linked, name);
  const table = object.sections.find(({ type }) => type === SHT.SYMTAB);
  const missing = new Set(addresses.keys());
  for (const symbol of object.symbols) {
    const address = symbol.place === 'undefined' ? addresses.get(symbol.name) : undefined;
    if (address === undefined || table === undefined) continue;
    missing.delete(symbol.name);
    const offset = symbol.index * Elf64_Sym.size;
    const entry = new ByteWriter()
      .bytes(table.data.subarray(offset, offset + Elf64_Sym.size))
      .setU16At(Elf64_Sym.offsetOf('st_shndx'), SHN.ABS)
      .setU64At(Elf64_Sym.offsetOf('st_value'), BigInt.asUintN(64, address));
    linked.set(entry.finish(), table.data.byteOffset - linked.byteOffset + offset);
  }
  const [first] = missing;
  if (first === undefined) return linked;
  throw new InputError(
    'import-not-in-module',
    `${name}: has no undefined symbol ${first}; get the update again`,
  );
}
