// All symbols of the kernel image, as its own kallsyms tables list them. There are 170,000: names and addresses are kept in
// arrays, and a symbol becomes an object when somebody asks for it.

import { InternalError } from '@resplice/report';

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
}

const NONE = -1;

/** Iterates in the order of kallsyms, which is that of addresses. */
export class SymbolTable implements Iterable<KernelSymbol> {
  readonly #columns: SymbolColumns;
  /** Name to the first index; `#next` leads to the next index of the same name. */
  readonly #first = new Map<string, number>();
  readonly #next: Int32Array;

  constructor(columns: SymbolColumns) {
    this.#columns = columns;
    this.#next = new Int32Array(columns.names.length).fill(NONE);
    for (let index = columns.names.length - 1; index >= 0; index--) {
      const name = columns.names[index] ?? '';
      this.#next[index] = this.#first.get(name) ?? NONE;
      this.#first.set(name, index);
    }
  }

  get size(): number {
    return this.#columns.names.length;
  }

  *[Symbol.iterator](): Iterator<KernelSymbol> {
    for (let index = 0; index < this.size; index++) yield this.#symbol(index);
  }

  /** All symbols of this name in address order; empty when there is none. */
  byName(name: string): readonly KernelSymbol[] {
    const found: KernelSymbol[] = [];
    for (let i = this.#first.get(name) ?? NONE; i !== NONE; i = this.#next[i] ?? NONE) {
      found.push(this.#symbol(i));
    }
    return found;
  }

  /** All symbols that begin exactly at this address. */
  at(address: bigint): readonly KernelSymbol[] {
    const found: KernelSymbol[] = [];
    for (let i = this.#lowerBound(address); this.#columns.addresses[i] === address; i++) {
      found.push(this.#symbol(i));
    }
    return found;
  }

  /** The symbol that the kernel itself would print for this address: the nearest at or before it, the first among aliases. */
  covering(address: bigint): KernelSymbol | undefined {
    const after = this.#lowerBound(address + 1n);
    const start = this.#columns.addresses[after - 1];
    return start === undefined ? undefined : this.#symbol(this.#lowerBound(start));
  }

  /** Bytes up to the next symbol of another address, an upper bound of the symbol's size; 0 for the last one. */
  extent(symbol: KernelSymbol): number {
    const next = this.#columns.addresses[this.#lowerBound(symbol.address + 1n)];
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

  #lowerBound(address: bigint): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#columns.addresses[middle] ?? 0n) < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
