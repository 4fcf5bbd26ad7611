// Addresses in the running kernel of what a module of the trampoline engine leaves undefined, from the kernel's own list of symbols.

import { linkAbsolute } from '@resplice/engine';
import type { Reason } from '@resplice/report';
import type { AbsoluteImport } from '@resplice/update';
import { findSymbols, symbolKey } from '../kernel/kallsyms.js';
import type { Machine } from '../machine/machine.js';

export type Linked =
  | {
      readonly ok: true;
      readonly module: Uint8Array;
      readonly addresses: ReadonlyMap<string, bigint>;
    }
  | { readonly ok: false; readonly reasons: readonly Reason[] };

/** Finds the address of every import and writes it into the module; `name` is the module's, for errors. */
export function linkModule(
  machine: Machine,
  module: Uint8Array,
  imports: readonly AbsoluteImport[],
  name: string,
): Linked {
  const found = findAddresses(machine, imports);
  if (found === undefined)
    return {
      ok: false,
      reasons: [{ code: 'kallsyms-hidden', subject: {}, found: '/proc/kallsyms cannot be read' }],
    };
  const missing = imports.filter(({ symbol }) => !found.has(symbol));
  if (missing.length > 0) return { ok: false, reasons: missing.map(refuseMissing) };
  return { ok: true, module: linkAbsolute(module, found, name), addresses: found };
}

/** Symbol of the module → address; undefined when the kernel shows none. */
export function findAddresses(
  machine: Machine,
  imports: readonly AbsoluteImport[],
): ReadonlyMap<string, bigint> | undefined {
  if (imports.length === 0) return new Map();
  const open = machine.openFile('/proc/kallsyms');
  if (!open.ok) return undefined;
  try {
    const { hidden, addresses } = findSymbols(open.file, imports);
    if (hidden) return undefined;
    return new Map(
      imports.flatMap((each) => {
        const address = addresses.get(symbolKey(each));
        return address === undefined ? [] : [[each.symbol, address] as const];
      }),
    );
  } finally {
    open.file.close();
  }
}

function refuseMissing({ object, name, position }: AbsoluteImport): Reason {
  const rank = position > 1 ? `number ${position} of that name` : 'it';
  const found = `${rank} is not among the symbols of ${object}${object === 'vmlinux' ? '' : '; the module may not be loaded'}`;
  return { code: 'symbol-not-found', subject: { object, symbol: name }, found };
}
