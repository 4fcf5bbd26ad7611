// Which macros lead to one that pastes in a way, that accesses a member or that names a structure: what macro-graph.ts has read of a tree, asked for a call.

import { fitsPattern, type Paste, type Pastes } from './macro-pastes.js';
import { MacroSet } from './macro-set.js';
import type { PasteSite } from './paste-sites.js';

const REACHES = new WeakMap<Pastes, MacroReach>();

/** Made once for all names that are looked for. */
export function reachOf(pastes: Pastes): MacroReach {
  const known = REACHES.get(pastes);
  if (known !== undefined) return known;
  const reach = new MacroReach(pastes);
  REACHES.set(pastes, reach);
  return reach;
}

/** Which macros lead to which pastes; asked for few of them, so found when asked. */
export class MacroReach {
  /** Macros that may access a member of which they are given the name. */
  readonly accessors: MacroSet;
  /** Macros that may put `struct` before what they are given. */
  readonly taggers: MacroSet;
  readonly #pastes: readonly Paste[];
  readonly #users: ReadonlyMap<string, readonly string[]>;
  readonly #called: readonly Paste[];
  readonly #unknown: readonly string[];
  readonly #appliers: ReadonlySet<string>;
  readonly #reached = new Map<number, MacroSet>();

  constructor({ pastes, users, called, unknown, appliers, accessors, taggers }: Pastes) {
    this.#appliers = new Set(appliers);
    this.accessors = new MacroSet(new Set([...accessors, ...unknown]), this.#appliers);
    this.taggers = new MacroSet(new Set([...taggers, ...unknown]), this.#appliers);
    this.#called = called;
    this.#pastes = pastes;
    this.#users = new Map(users.map(([macro, ...others]) => [macro, others]));
    this.#unknown = unknown;
  }

  isReached(pastes: Iterable<number>, site: PasteSite): boolean {
    for (const paste of pastes) if (this.#leadingTo(paste).isAt(site)) return true;
    return false;
  }

  #leadingTo(paste: number): MacroSet {
    const known = this.#reached.get(paste);
    if (known !== undefined) return known;
    const leading = new Set([...(this.#pastes[paste]?.macros ?? []), ...this.#unknown]);
    // What is added meanwhile is visited as well.
    for (const macro of leading) {
      for (const user of this.#users.get(macro) ?? []) leading.add(user);
      for (const { pattern, macros } of this.#called)
        if (fitsPattern(macro, pattern)) for (const caller of macros) leading.add(caller);
    }
    const reached = new MacroSet(leading, this.#appliers);
    this.#reached.set(paste, reached);
    return reached;
  }
}
