// Matches a whole rebuilt object against the shipped kernel and learns the address of everything the object defines or uses.
//
// A name may stand for many functions of a kernel, and only one of them is ours. So the work goes in rounds: whoever has one
// candidate that fits is settled, and what its code refers to is known from then on; that decides between the candidates
// of others. A contradiction (two functions that place the same symbol differently, a symbol that is not where its name is) is a mismatch as well.

import type { Side } from '../diff/compare.js';
import type { Definition, Target } from '../diff/definition.js';
import { type FunctionMatch, type Mismatch, matchFunction } from './match-function.js';
import type { RunningObject } from './running-object.js';

export interface MatchedFunction {
  readonly address: bigint;
  readonly size: number;
}

export interface ObjectMatch {
  readonly functions: ReadonlyMap<Definition, MatchedFunction>;
  /** Addresses of definitions, functions included, that matched code proves. */
  readonly addresses: ReadonlyMap<Definition, bigint>;
  /** Addresses of symbols that the object uses and does not define. */
  readonly externals: ReadonlyMap<string, bigint>;
  /** Functions with candidates of which none fits, with the mismatch of the best. */
  readonly mismatches: ReadonlyMap<Definition, FunctionMatch & { readonly ok: false }>;
  /** Functions that fit at several places, and nothing tells which is theirs. */
  readonly ambiguous: ReadonlyMap<Definition, readonly bigint[]>;
  /** Functions for which the kernel has no symbol. */
  readonly missing: readonly Definition[];
}

/** Matches every function of the object that stays in memory. */
export function matchObject(side: Side, running: RunningObject): ObjectMatch {
  const matcher = new Matcher(side, running);
  matcher.run();
  return matcher.finish();
}

class Matcher {
  readonly #side: Side;
  readonly #running: RunningObject;
  readonly #functions = new Map<Definition, MatchedFunction>();
  readonly #addresses = new Map<Definition, bigint>();
  readonly #externals = new Map<string, bigint>();
  readonly #mismatches = new Map<Definition, FunctionMatch & { readonly ok: false }>();
  readonly #missing: Definition[] = [];
  readonly #open = new Map<Definition, readonly bigint[]>();

  constructor(side: Side, running: RunningObject) {
    this.#side = side;
    this.#running = running;
    for (const definition of side.object.definitions) {
      const stays = /^(exit-)?text$/.test(definition.sectionClass);
      if (definition.kind !== 'function' || !stays || definition.size === 0) continue;
      const names = definition.symbols.filter((symbol) => symbol.value === definition.start);
      const found = new Set(names.flatMap((symbol) => running.addressesOf(symbol.name)));
      if (found.size === 0) this.#missing.push(definition);
      else this.#open.set(definition, [...found]);
    }
  }

  run(): void {
    for (let progress = true; progress; ) {
      progress = false;
      for (const [definition, candidates] of [...this.#open]) {
        if (this.#settle(definition, candidates)) progress = true;
      }
    }
  }

  finish(): ObjectMatch {
    return {
      functions: this.#functions,
      addresses: this.#addresses,
      externals: this.#externals,
      mismatches: this.#mismatches,
      ambiguous: this.#open,
      missing: this.#missing,
    };
  }

  /** True when the function needs no further look. */
  #settle(definition: Definition, candidates: readonly bigint[]): boolean {
    const known = this.#addresses.get(definition);
    const places = known === undefined ? candidates : [known];
    const fitting: (FunctionMatch & { ok: true })[] = [];
    let best: (FunctionMatch & { ok: false }) | undefined;
    for (const address of places) {
      const match = this.#match(definition, address);
      if (match.ok) fitting.push(match);
      else if (best === undefined || match.mismatch.offsetBefore > best.mismatch.offsetBefore) best = match;
    }
    const [only] = fitting;
    if (fitting.length > 1) return false;
    this.#open.delete(definition);
    if (only !== undefined) this.#accept(definition, only);
    else if (best !== undefined) this.#mismatches.set(definition, best);
    return true;
  }

  #match(definition: Definition, address: bigint): FunctionMatch {
    const match = matchFunction(this.#side, definition, this.#running, address);
    if (!match.ok) return match;
    for (const { reference, address: target } of match.evidence) {
      const what = this.#contradiction(reference.target, target);
      if (what === undefined) continue;
      const mismatch: Mismatch = { offsetBefore: reference.offset, offsetRunning: reference.offset, what };
      return { ok: false, address, mismatch };
    }
    return match;
  }

  /** Why the target cannot be at this address; undefined when it can. */
  #contradiction(target: Target, address: bigint): string | undefined {
    const at = `0x${address.toString(16)}`;
    if ('symbol' in target) {
      const known = this.#externals.get(target.symbol);
      if (known !== undefined && known !== address)
        return `it refers to ${at}, and ${target.symbol} is at 0x${known.toString(16)}`;
      const places = this.#running.addressesOf(target.symbol);
      if (places.length === 0 || places.includes(address)) return undefined;
      return `it refers to ${at}, and ${target.symbol} is not there`;
    }
    const { definition } = target;
    const known = this.#addresses.get(definition);
    if (known !== undefined)
      return known === address
        ? undefined
        : `it refers to ${at}, and ${definition.name} is at 0x${known.toString(16)}`;
    if (definition.kind === 'string')
      return this.#sameContent(definition, address) ? undefined : `the string at ${at} differs`;
    const places = definition.symbols
      .filter((symbol) => symbol.value === definition.start)
      .flatMap((symbol) => this.#running.addressesOf(symbol.name));
    if (places.length > 0 && !places.includes(address))
      return `it refers to ${at}, and no ${definition.name} is there`;
    // A section of constants without names is not laid out in the kernel as it is here, and a weak constant may be overridden
    // by another object (`bpf_task_pt_regs_proto`).
    const { kind, binding, symbols } = definition;
    const isComparable = kind === 'constant' && binding !== 'weak' && symbols.length > 0;
    if (isComparable && !this.#sameContent(definition, address))
      return `the constant ${definition.name} at ${at} differs`;
    return undefined;
  }

  /** Equal outside of references, which the linker has filled in. */
  #sameContent(definition: Definition, address: bigint): boolean {
    const { object } = this.#side;
    const expected = object.bytesOf(definition);
    const found = this.#running.read(address, expected.length);
    const references = object.referencesOf(definition);
    const isLinked = (at: number) =>
      references.some(({ offset, size }) => at >= offset && at < offset + size);
    return (
      found.length === expected.length &&
      found.every((byte, index) => byte === expected[index] || isLinked(index))
    );
  }

  #accept(definition: Definition, match: FunctionMatch & { readonly ok: true }): void {
    this.#functions.set(definition, { address: match.address, size: match.size });
    this.#addresses.set(definition, match.address);
    for (const { reference, address } of match.evidence) {
      const { target } = reference;
      if ('symbol' in target) this.#externals.set(target.symbol, address);
      else if (target.definition.kind !== 'string') this.#addresses.set(target.definition, address);
    }
  }
}
