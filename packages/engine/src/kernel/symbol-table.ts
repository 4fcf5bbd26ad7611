// All symbols of the kernel image, as its own kallsyms tables list them. There are 170,000: names and addresses are kept in
// arrays, and a symbol becomes an object when somebody asks for it. Names are found by bisection in the kernel's own table of symbols by
// name; a Map of all of them would take longer to build than all the rest.

import { InternalError } from '@resplice/report';
import { lowerBound } from './sorted-search.js';

export interface KernelSymbol {
  readonly name: string;
  /** Link-time address. */
  readonly address: bigint;
  /** As nm prints it: `T` global code, `t` local code, `D`/`d` data, `A` absolute, … */
  readonly type: string;
  /** Rank in kallsyms, which is sorted by address. */
  readonly index: number;
}

export interface SymbolColumns {
  readonly names: readonly string[];
  /** Ascending. */
  readonly addresses: BigUint64Array;
  /** ASCII codes of the type letters. */
  readonly types: Uint8Array;
  /** Indexes in the order of names, equal names in the order of addresses. */
  readonly byName: Uint32Array;
}

/** Iterates in the order of kallsyms, which is that of addresses. */
export class SymbolTable implements Iterable<KernelSymbol> {
  readonly #columns: SymbolColumns;

  constructor(columns: SymbolColumns) {
    this.#columns = columns;
  }

  get size(): number {
    return this.#columns.names.length;
  }

  *[Symbol.iterator](): Iterator<KernelSymbol> {
    for (let index = 0; index < this.size; index++) yield this.#symbol(index);
  }

  /** All symbols of this name in address order; empty when there is none. */
  byName(name: string): readonly KernelSymbol[] {
    const { names, byName } = this.#columns;
    let low = 0;
    let high = byName.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((names[byName[middle] ?? 0] ?? '') < name) low = middle + 1;
      else high = middle;
    }
    const found: KernelSymbol[] = [];
    for (let i = low; i < byName.length && names[byName[i] ?? 0] === name; i++) {
      found.push(this.#symbol(byName[i] ?? 0));
    }
    return found;
  }

  /** All symbols that begin exactly at this address. */
  at(address: bigint): readonly KernelSymbol[] {
    const found: KernelSymbol[] = [];
    for (let i = lowerBound(this.#columns.addresses, address); this.#columns.addresses[i] === address; i++) {
      found.push(this.#symbol(i));
    }
    return found;
  }

  /** The symbol that the kernel itself would print for this address: the nearest at or before it, the first among aliases. */
  covering(address: bigint): KernelSymbol | undefined {
    const after = lowerBound(this.#columns.addresses, address + 1n);
    const start = this.#columns.addresses[after - 1];
    return start === undefined ? undefined : this.#symbol(lowerBound(this.#columns.addresses, start));
  }

  /** Bytes up to the next symbol of another address, an upper bound of the symbol's size; 0 for the last one. */
  extent(symbol: KernelSymbol): number {
    const next = this.#columns.addresses[lowerBound(this.#columns.addresses, symbol.address + 1n)];
    return next === undefined ? 0 : Number(next - symbol.address);
  }

  /**
   * livepatch's `old_sympos` in vmlinux: 0 when the name is unique, else the 1-based rank among symbols of the name.
   * The order that counts is that of addresses in every kernel: up to 6.1 klp_find_object_symbol() walks the whole table, later
   * it walks kallsyms_seqs_of_names, which is sorted by name and then by address; `parseKallsyms` checks that both agree.
   */
  position(symbol: KernelSymbol): number {
    const same = this.byName(symbol.name);
    const rank = same.findIndex((candidate) => candidate.index === symbol.index);
    if (rank < 0) throw new InternalError('foreign-symbol', `${symbol.name} is not from this symbol table`);
    return same.length === 1 ? 0 : rank + 1;
  }

  #symbol(index: number): KernelSymbol {
    return {
      name: this.#columns.names[index] ?? '',
      address: this.#columns.addresses[index] ?? 0n,
      type: String.fromCharCode(this.#columns.types[index] ?? 0),
      index,
    };
  }
}
