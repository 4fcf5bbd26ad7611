// Which changed sources may break on a change of a header: those whose hunks mention a name that it touches. A header that thousands of
// sources include is so checked with the few that the release changes for its sake.

import type { Atom } from './atom.js';

export class MentioningFiles {
  readonly #files = new Map<string, Set<string>>();

  /** @param atoms all of the release */
  constructor(atoms: Iterable<Atom>) {
    for (const { path, balance, mentions } of atoms) {
      if (!/\.[cS]$/.test(path)) continue;
      for (const name of new Set([...balance.keys(), ...mentions])) {
        const files = this.#files.get(name) ?? new Set();
        this.#files.set(name, files.add(path));
      }
    }
  }

  /** Sources that mention what the atoms' headers add, remove or give another signature. */
  find(atoms: readonly Atom[]): ReadonlySet<string> {
    const found = new Set<string>();
    for (const { path, added, removed, resigned } of atoms) {
      if (!path.endsWith('.h')) continue;
      for (const name of [...added, ...removed, ...resigned])
        for (const file of this.#files.get(name) ?? []) found.add(file);
    }
    return found;
  }
}
