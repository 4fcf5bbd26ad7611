// The linker of the trampoline engine. A module of it leaves what the kernel does not export undefined; where the update is applied, the
// address of each such symbol in the running kernel is written into the symbol table: the symbol becomes an absolute one. The kernel's module
// loader leaves absolute symbols as they are and does all the rest as for any module: relocations, alternatives, jump labels,
// ORC, exception and bug tables. Rejected: applying the relocations here, for then each of those would have to be redone here as well.
// Source: System V ABI, "Symbol Table", SHN_ABS.

import { InputError } from '@resplice/report';
import { ByteWriter } from '../bytes/index.js';
import { Elf64_Sym, SHN, SHT } from '../elf/elf.layout.js';
import { parseObject } from '../elf/object.js';

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
