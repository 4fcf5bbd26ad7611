// Macros that do something with what they are given, asked whether one of them takes part in a call.

import type { PasteSite } from './paste-sites.js';

export class MacroSet {
  readonly #macros: ReadonlySet<string>;
  readonly #appliers: ReadonlySet<string>;

  /** @param appliers macros that call a macro that they are given the name of */
  constructor(macros: ReadonlySet<string>, appliers: ReadonlySet<string>) {
    this.#macros = macros;
    this.#appliers = appliers;
  }

  has(macro: string): boolean {
    return this.#macros.has(macro);
  }

  isAt({ macro, handed }: PasteSite): boolean {
    if (macro === undefined || this.#macros.has(macro)) return true;
    return this.#appliers.has(macro) && !isDisjoint(handed, this.#macros);
  }
}

export function isDisjoint(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  for (const each of some) if (others.has(each)) return false;
  return true;
}
