// Behind the ELF file in the payload stand three lists: the places that the kernel itself moves when KASLR loads it elsewhere.
// As handle_relocations() (arch/x86/boot/compressed/misc.c) does, we read them from the end backwards; unlike it, we also demand
// that they end exactly where the ELF file ends. Layout, front to back, each word the low half of a kernel address:
//   0, places of 64-bit values, 0, places of 32-bit values that move the other way, 0, places of 32-bit values.

import type { ByteReader } from '../bytes/index.js';
import { lowerBound } from './sorted-search.js';

/** What KASLR does at a place: `abs32` and `abs64` grow by the slide, `inv32` (per-CPU, RIP-relative) shrinks by it. */
export type ImageRelocationKind = 'abs32' | 'abs64' | 'inv32';

export interface ImageRelocation {
  readonly address: bigint;
  /** 4 or 8. */
  readonly length: number;
  readonly kind: ImageRelocationKind;
}

const WORD = 4;
const KERNEL_BASE = 0xffffffff00000000n;

/** The three lists. Each holds the low halves of kernel addresses (the high half is all ones), ascending. */
export class ImageRelocations {
  readonly abs32: Uint32Array;
  readonly abs64: Uint32Array;
  readonly inv32: Uint32Array;

  constructor(lists: { abs32: Uint32Array; abs64: Uint32Array; inv32: Uint32Array }) {
    this.abs32 = lists.abs32.slice().sort();
    this.abs64 = lists.abs64.slice().sort();
    this.inv32 = lists.inv32.slice().sort();
  }

  /** All places that overlap the range, in address order. */
  in(address: bigint, size: number): readonly ImageRelocation[] {
    const found: ImageRelocation[] = [];
    collect(found, this.abs32, { kind: 'abs32', length: 4, address, size });
    collect(found, this.inv32, { kind: 'inv32', length: 4, address, size });
    collect(found, this.abs64, { kind: 'abs64', length: 8, address, size });
    return found.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  }
}

/** Reads the lists from what stands behind the ELF file; an empty tail means a kernel without KASLR. */
export function parseImageRelocations(tail: ByteReader): ImageRelocations {
  if (tail.length % WORD !== 0) {
    tail.fail('relocations-malformed', 'the relocation lists', 'a multiple of 4 bytes', `${tail.length}`);
  }
  const words = new Uint32Array(tail.length / WORD);
  for (let i = 0; i < words.length; i++) words[i] = tail.u32();
  if (words.length === 0) return new ImageRelocations({ abs32: words, abs64: words, inv32: words });
  let end = words.length;
  const takeList = (): Uint32Array => {
    let start = end;
    while (start > 0 && words[start - 1] !== 0) start--;
    if (start === 0) {
      tail.seek(0);
      tail.fail('relocations-malformed', 'the relocation lists', 'three lists, each after a zero', 'fewer');
    }
    const list = words.subarray(start, end);
    end = start - 1;
    return list;
  };
  const lists = { abs32: takeList(), inv32: takeList(), abs64: takeList() };
  if (end !== 0) {
    tail.seek(0);
    tail.fail('relocations-malformed', 'bytes before the relocation lists', 'none', `${end * WORD}`);
  }
  return new ImageRelocations(lists);
}

interface Query {
  readonly kind: ImageRelocationKind;
  readonly length: number;
  readonly address: bigint;
  readonly size: number;
}

function collect(into: ImageRelocation[], list: Uint32Array, query: Query): void {
  const low = Number(query.address - KERNEL_BASE);
  for (let i = lowerBound(list, low - query.length + 1); i < list.length; i++) {
    const at = list[i] ?? 0;
    if (at >= low + query.size) break;
    into.push({ address: KERNEL_BASE + BigInt(at), length: query.length, kind: query.kind });
  }
}
