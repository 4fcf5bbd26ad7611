// Who accesses a member of a structure: members are called id, x or state, as are parameters and variables everywhere, but a member is only reached behind
// `.` or `->`, or by a macro that is given its name: `offsetof(struct s, id)`.

import { isDisjoint, type MacroSet } from './macro-set.js';
import type { FindSites } from './paste-sites.js';

export class MemberUses {
  readonly #members: ReadonlySet<string>;
  readonly #accessors: MacroSet;

  /** @param accessors macros that may access what they are given the name of */
  constructor(members: ReadonlySet<string>, accessors: MacroSet) {
    this.#members = members;
    this.#accessors = accessors;
  }

  isIn(tokens: readonly string[], findSites: FindSites): boolean {
    let isNamed = false;
    for (const [at, token] of tokens.entries()) {
      if (!this.#members.has(token)) continue;
      if (isAccess(tokens, at)) return true;
      isNamed = true;
    }
    if (!isNamed) return false;
    return findSites(tokens).some(
      (site) => !isDisjoint(site.words, this.#members) && this.#accessors.isAt(site),
    );
  }
}

function isAccess(tokens: readonly string[], at: number): boolean {
  const before = tokens[at - 1];
  if (before === '.' || before === '->') return true;
  // The old way to initialise one: `{ id: 1 }`.
  return tokens[at + 1] === ':' && (before === '{' || before === ',');
}
