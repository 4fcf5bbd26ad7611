// Some functions cannot be redirected (redirection.ts): pieces that the compiler split off (`foo.cold`), and for the livepatch core all that has
// no ftrace entry: `static inline` functions it did not inline (the kernel makes every inline function notrace), notrace code. When
// such a function changes, its callers are replaced instead, as if it were inlined in them, and the update carries a copy of it.
// That is only right when nothing but branches from this object can reach it. In a module that is not loaded before, whoever takes its address
// can be changed as well, tables included; then it is a new function.

import { STB } from '../elf/elf.layout.js';
import { appendTo } from '../map-entry.js';
import { branchOperands } from './branch-operand.js';
import type { Side } from './compare.js';
import type { MutableCorrelation } from './correlate.js';
import type { Definition } from './definition.js';
import { type Engine, findObstacle } from './redirection.js';

export interface SpreadOptions {
  readonly isModule: boolean;
  /** Functions that are not in the running kernel, where their callers have their code. */
  readonly absent: ReadonlySet<Definition>;
  readonly engine: Engine;
  /** Init code is replaced as well; see fresh-module.ts. */
  readonly fresh: boolean;
}

/**
 * Adds to `changed` the callers of changed functions that cannot be redirected, up to callers that can.
 * Returns the post definitions that are carried by their callers in this way.
 */
export function spreadChanges(
  pre: Side,
  correlation: MutableCorrelation,
  changed: Set<Definition>,
  { isModule, absent, engine, fresh }: SpreadOptions,
): ReadonlySet<Definition> {
  const carried = new Set<Definition>();
  const stuck = () =>
    [...changed].filter((definition) => {
      const before = correlation.origins.get(definition);
      return (
        before !== undefined &&
        isCode(before, isModule) &&
        !carried.has(definition) &&
        (absent.has(before) || findObstacle(engine, pre, before) !== undefined)
      );
    });
  let users: ReadonlyMap<Definition, readonly Use[]> | undefined;
  for (let learned = true; learned; ) {
    learned = false;
    for (const definition of stuck()) {
      users ??= collectUses(pre);
      const before = correlation.origins.get(definition);
      const uses = before === undefined ? undefined : users.get(before);
      if (before === undefined || uses === undefined || isKnownOutside(before)) continue;
      if (uses.every((use) => isReplacedBranch(use, { isModule, fresh }))) carried.add(definition);
      else if (fresh) makeNew(correlation, changed, [before, definition]);
      else continue;
      learned = true;
      for (const { user } of uses) {
        const after = correlation.pairs.get(user);
        if (after !== undefined) changed.add(after);
      }
    }
  }
  return carried;
}

interface Use {
  readonly user: Definition;
  readonly isBranch: boolean;
}

/** Code that runs in a running kernel; exit code does in modules. */
function isCode({ kind, sectionClass }: Definition, isModule: boolean): boolean {
  return kind === 'function' && (sectionClass === 'text' || (isModule && sectionClass === 'exit-text'));
}

function isKnownOutside({ symbols, start }: Definition): boolean {
  return symbols.some((symbol) => symbol.value === start && symbol.binding !== STB.LOCAL);
}

/**
 * A branch from code of this object. Code that ran at boot does not count any more, and exit code of the kernel itself never runs; that of a module
 * counts, for the module may be loaded again and will be unloaded.
 */
function isReplacedBranch(
  { user, isBranch }: Use,
  { isModule, fresh }: Pick<SpreadOptions, 'isModule' | 'fresh'>,
): boolean {
  if (/^(init|exit)-text$/.test(user.sectionClass) && !isModule) return true;
  return isBranch && (isCode(user, isModule) || (fresh && user.sectionClass === 'init-text'));
}

/** Nothing has its address yet, and all who take it are going to be changed (`perf_trace_ocfs2_fault` in the class of its event). */
function makeNew(
  { pairs, origins }: MutableCorrelation,
  changed: Set<Definition>,
  [before, after]: readonly [Definition, Definition],
): void {
  pairs.delete(before);
  origins.delete(after);
  changed.delete(after);
}

/** Who refers to a function from outside of it, and how. */
function collectUses(side: Side): ReadonlyMap<Definition, readonly Use[]> {
  const uses = new Map<Definition, Use[]>();
  for (const user of side.object.definitions) {
    const branches = branchOperands(side, user);
    for (const { offset, target } of side.object.referencesOf(user)) {
      if (!('definition' in target) || target.definition === user || target.definition.kind !== 'function')
        continue;
      appendTo(uses, target.definition, { user, isBranch: branches.has(offset) });
    }
  }
  return uses;
}
