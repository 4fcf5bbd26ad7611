// Half a million places of code that the kernel may rewrite, sorted, to be asked for the few inside one function.
// Each is packed into one number (offset, length, kind) so that sorting and searching stay in one typed array.

import { SITE_KINDS, type SiteKind } from './rewrite-table.js';
import { lowerBound } from './sorted-search.js';

export interface CodeSite {
  readonly address: bigint;
  /** In bytes. */
  readonly length: number;
  readonly kind: SiteKind;
}

const KIND_STEP = 16;
const LENGTH_STEP = 256;
/** offset × 4096 + length × 16 + kind; exact for offsets up to 2^41. */
const OFFSET_STEP = KIND_STEP * LENGTH_STEP;

/** Collects sites by their offset from `base`. */
export class SiteCollector {
  readonly base: bigint;
  readonly #packed: number[] = [];

  constructor(base: bigint) {
    this.base = base;
  }

  add(offset: number, length: number, kind: SiteKind): void {
    this.#packed.push(offset * OFFSET_STEP + length * KIND_STEP + SITE_KINDS.indexOf(kind));
  }

  finish(): SiteTable {
    return new SiteTable(this.base, Float64Array.from(this.#packed).sort());
  }
}

/** Sorted by address, then by length. Sites of different kinds may overlap. */
export class SiteTable {
  readonly #base: bigint;
  readonly #packed: Float64Array;

  constructor(base: bigint, packed: Float64Array) {
    this.#base = base;
    this.#packed = packed;
  }

  get size(): number {
    return this.#packed.length;
  }

  /** All sites that overlap the range, in address order. */
  in(address: bigint, size: number): readonly CodeSite[] {
    const start = Number(address - this.#base);
    const found: CodeSite[] = [];
    for (
      let i = lowerBound(this.#packed, (start - LENGTH_STEP) * OFFSET_STEP);
      i < this.#packed.length;
      i++
    ) {
      const site = this.#unpack(i);
      if (site.offset >= start + size) break;
      if (site.offset + site.length > start) {
        found.push({ address: this.#base + BigInt(site.offset), length: site.length, kind: site.kind });
      }
    }
    return found;
  }

  /** How many sites there are of each kind. */
  counts(): ReadonlyMap<SiteKind, number> {
    const counts = new Map<SiteKind, number>();
    for (let i = 0; i < this.#packed.length; i++) {
      const { kind } = this.#unpack(i);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return counts;
  }

  #unpack(i: number): { readonly offset: number; readonly length: number; readonly kind: SiteKind } {
    const packed = this.#packed[i] ?? 0;
    const rest = packed % OFFSET_STEP;
    return {
      offset: Math.floor(packed / OFFSET_STEP),
      length: Math.floor(rest / KIND_STEP),
      kind: SITE_KINDS[rest % KIND_STEP] ?? 'alternative',
    };
  }
}
