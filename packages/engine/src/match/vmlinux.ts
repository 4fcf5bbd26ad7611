// The kernel image as something to match against.

import type { KernelImage } from '../kernel/kernel-image.js';
import type { SymbolTable } from '../kernel/symbol-table.js';
import type { RunningObject, RunningSite } from './running-object.js';

/** Where the kernel rewrites itself at boot or at run time (kernel/site-table.ts). */
export interface SiteQuery {
  in(address: bigint, length: number): readonly RunningSite[];
}

export function openVmlinux(image: KernelImage, symbols: SymbolTable, sites: SiteQuery): RunningObject {
  return {
    name: 'vmlinux',
    addressesOf: (symbol) => symbols.byName(symbol).map((found) => found.address),
    position(symbol, address) {
      const found = symbols.byName(symbol).find((candidate) => candidate.address === address);
      return found === undefined ? undefined : symbols.position(found);
    },
    read: (address, length) => readImage(image, address, length),
    sitesIn: (address, length) => [...sites.in(address, length), ...image.relocations.in(address, length)],
  };
}

function readImage(image: KernelImage, address: bigint, length: number): Uint8Array {
  for (const segment of image.segments) {
    const offset = address - segment.address;
    if (offset >= 0n && offset < BigInt(segment.bytes.length)) {
      return segment.bytes.subarray(Number(offset), Number(offset) + length);
    }
  }
  return new Uint8Array(0);
}
