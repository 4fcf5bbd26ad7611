// The target kernel's types in the form that comparing and writing ask for: size and member offsets in bytes.

import type { Btf } from './btf.js';
import { findStruct } from './struct-layout.js';

export interface ByteLayout {
  readonly size: number;
  /** Members that start on a byte; bit fields that do not are left out. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** Looks structures up once each. */
export class KernelLayouts {
  readonly #btf: Btf;
  readonly #known = new Map<string, ByteLayout | undefined>();

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  find(name: string): ByteLayout | undefined {
    if (!this.#known.has(name)) this.#known.set(name, this.#read(name));
    return this.#known.get(name);
  }

  #read(name: string): ByteLayout | undefined {
    const struct = findStruct(this.#btf, name);
    if (struct === undefined) return undefined;
    const whole = struct.members.filter((member) => member.offsetBits % 8 === 0);
    return {
      size: struct.size,
      offsets: new Map(whole.map((member) => [member.name, member.offsetBits / 8])),
    };
  }
}
