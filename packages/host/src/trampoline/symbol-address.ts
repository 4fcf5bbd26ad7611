// Addresses in the running kernel of what a module of the trampoline engine leaves undefined, from the kernel's own list of symbols.

import { linkAbsolute } from '@resplice/engine';
import type { Reason } from '@resplice/report';
import type { AbsoluteImport } from '@resplice/update';
import { findSymbols, symbolKey } from '../kernel/kallsyms.js';
import type { Machine } from '../machine/machine.js';

export type Linked =
  | { readonly ok: true; readonly module: Uint8Array }
  | { readonly ok: false; readonly reasons: readonly Reason[] };

/** Writes the address of every import into the module; `found` is what findAddresses gave, `name` the module's, for errors. */
export function linkModule(
  module: Uint8Array,
  imports: readonly AbsoluteImport[],
  found: Addresses,
  name: string,
): Linked {
  const missing = imports.filter((each) => !found.has(symbolKey(each)));
  if (missing.length > 0) return { ok: false, reasons: missing.map(refuseMissing) };
  const addresses = new Map(
    imports.flatMap((each) => {
      const address = found.get(symbolKey(each));
      return address === undefined ? [] : [[each.symbol, address] as const];
    }),
  );
  return { ok: true, module: linkAbsolute(module, addresses, name) };
}

/** By `symbolKey`. */
export type Addresses = ReadonlyMap<string, bigint>;

/** Undefined when the kernel shows none. One look at the list for all, for it takes a quarter of a second on a slow machine. */
export function findAddresses(machine: Machine, imports: readonly AbsoluteImport[]): Addresses | undefined {
  if (imports.length === 0) return new Map();
  const open = machine.openFile('/proc/kallsyms');
  if (!open.ok) return undefined;
  try {
    const { hidden, addresses } = findSymbols(open.file, imports);
    return hidden ? undefined : addresses;
  } finally {
    open.file.close();
  }
}

function refuseMissing({ object, name, position }: AbsoluteImport): Reason {
  const rank = position > 1 ? `number ${position} of that name` : 'it';
  const found = `${rank} is not among the symbols of ${object}${object === 'vmlinux' ? '' : '; the module may not be loaded'}`;
  return { code: 'symbol-not-found', subject: { object, symbol: name }, found };
}
