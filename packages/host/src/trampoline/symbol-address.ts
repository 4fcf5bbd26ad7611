// Addresses in the running kernel of what a module of the trampoline engine leaves undefined. The kernel is known by its build id and the checks have proved
// how far it was moved at boot, so a symbol of vmlinux is where it was linked to, plus that. Only for others the kernel's own list is
// read: all of its 94,000 lines, for which a slow machine takes longer than for loading the update.

import { linkAbsolute } from '@resplice/engine';
import type { Reason } from '@resplice/report';
import type { AbsoluteImport } from '@resplice/update';
import { findSymbols, symbolKey } from '../kernel/kallsyms.js';
import type { Machine } from '../machine/machine.js';

/** __START_KERNEL_map */
const KERNEL_START = 0xffff_ffff_8000_0000n;

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

/**
 * Undefined when the kernel shows none of those that must be looked up.
 * @param slide how far the kernel was moved at boot
 */
export function findAddresses(
  machine: Machine,
  imports: readonly AbsoluteImport[],
  slide: bigint | undefined,
): Addresses | undefined {
  const computed = new Map<string, bigint>();
  for (const each of imports) {
    if (each.address === undefined || slide === undefined) continue;
    computed.set(symbolKey(each), moveAtBoot(BigInt(each.address), slide));
  }
  const wanted = imports.filter((each) => !computed.has(symbolKey(each)));
  if (wanted.length === 0) return computed;
  const open = machine.openFile('/proc/kallsyms');
  if (!open.ok) return undefined;
  try {
    const { hidden, addresses } = findSymbols(open.file, wanted);
    return hidden ? undefined : new Map([...computed, ...addresses]);
  } finally {
    open.file.close();
  }
}

/** Below the kernel's image are per-CPU offsets, which stay. */
function moveAtBoot(address: bigint, slide: bigint): bigint {
  return address >= KERNEL_START ? address + slide : address;
}

function refuseMissing({ object, name, position }: AbsoluteImport): Reason {
  const rank = position > 1 ? `number ${position} of that name` : 'it';
  const found = `${rank} is not among the symbols of ${object}${object === 'vmlinux' ? '' : '; the module may not be loaded'}`;
  return { code: 'symbol-not-found', subject: { object, symbol: name }, found };
}
