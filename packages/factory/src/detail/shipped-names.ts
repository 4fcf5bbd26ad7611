// What the shipped code of a replaced function refers to, by name: in the kernel itself its symbols say what lies at an address, in a module the
// relocations of its file do.

import { findModuleFile, readModule, type Workshop } from '@resplice/build';
import { type ObjectFile, parseObject, type SymbolTable } from '@resplice/engine';
import type { Update } from '@resplice/update';

export interface ShippedNames {
  readonly kernel: SymbolTable | undefined;
  /** By name, as the kernel spells it. */
  readonly modules: ReadonlyMap<string, ObjectFile>;
}

export const NO_NAMES: ShippedNames = { kernel: undefined, modules: new Map() };

/** Of the objects that the update changes. */
export async function readShippedNames(workshop: Workshop, { manifest }: Update): Promise<ShippedNames> {
  const modules = new Map<string, ObjectFile>();
  for (const { name } of manifest.objects) {
    const file = name === 'vmlinux' ? undefined : await findModuleFile(workshop.kernel.modules, name);
    if (file !== undefined) modules.set(name, parseObject(await readModule(file), name));
  }
  return { kernel: (await workshop.openModel()).symbols, modules };
}

/**
 * `name+0x1c`; undefined for what is no address of the kernel.
 * @param preferred the name, where several symbols are at the address and this is one of them
 */
export function nameAddress(
  symbols: SymbolTable,
  address: bigint,
  preferred: ReadonlySet<string>,
): string | undefined {
  const alias = symbols.at(address).find(({ name }) => preferred.has(name));
  if (alias !== undefined) return alias.name;
  const symbol = symbols.covering(address);
  if (symbol === undefined || /^a$/i.test(symbol.type)) return undefined;
  const offset = address - symbol.address;
  if (offset >= BigInt(symbols.extent(symbol))) return undefined;
  return offset === 0n ? symbol.name : `${symbol.name}+0x${offset.toString(16)}`;
}
