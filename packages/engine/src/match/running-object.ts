// The shipped code that rebuilt originals are matched against: vmlinux as it is in the image package, or a module linked to
// made-up addresses. Both look the same from here: bytes at addresses, and names for addresses.

import type { ImageRelocationKind } from '../kernel/image-relocations.js';

/** A range that the running kernel may have in another form than the file, and why (manifest: CodeSite). */
export interface RunningSite {
  readonly address: bigint;
  readonly length: number;
  readonly kind: string;
}

export interface RunningObject {
  /** `vmlinux` or the module's name. */
  readonly name: string;
  /** Addresses of all symbols of that name. */
  addressesOf(symbol: string): readonly bigint[];
  /** livepatch's position of the symbol among its namesakes: 0 when unique, else from 1; undefined when there is none. */
  position(symbol: string, address: bigint): number | undefined;
  /** Up to `length` bytes; fewer at the end of a section, none outside. */
  read(address: bigint, length: number): Uint8Array;
  /** Everything in the range that loading or booting changes. */
  sitesIn(address: bigint, length: number): readonly RunningSite[];
}

export type { ImageRelocationKind };
