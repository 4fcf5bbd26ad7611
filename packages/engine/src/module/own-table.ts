// The tables that the update's own code (kmod/) finds by their names, as far as it is made for them.

import type { Definition } from '../diff/definition.js';
import type { NewSymbol } from '../elf/encode.js';
import { addBuildTable, BUILDS_SYMBOL, type ModuleBuild } from './build-table.js';
import { addExitTable, EXITS_SYMBOL, type ModuleExit } from './exit-table.js';
import { addFreshTable, FRESH_SYMBOL, type FreshData, type FreshModule } from './fresh-table.js';
import { addHookTable, HOOKS_SYMBOL, type ObjectHook } from './hook-table.js';
import {
  addLivepatchTables,
  type LivepatchFunction,
  type LivepatchLayouts,
  PATCH_SYMBOL,
  type Surroundings,
} from './livepatch-table.js';
import type { ObjectBuilder } from './section-builder.js';

/** What the own code is told. */
export interface OwnTables {
  /** What the livepatch core is told to redirect; undefined in a module that it has nothing to do with. */
  readonly functions: readonly LivepatchFunction[] | undefined;
  readonly hooks?: readonly ObjectHook[];
  /** Modules whose exit function changes; the update's own code then is kmod/hooks.c with kmod/exit.c. */
  readonly exits?: readonly ModuleExit[];
  /** Modules that are loaded only after the update is applied; the own code is kmod/hooks.c as well, with kmod/fresh.c. */
  readonly fresh?: readonly FreshModule[];
  /** Modules that the livepatch core gives new code, all of them; the own code then has kmod/build.c as well. */
  readonly builds?: readonly ModuleBuild[];
  readonly layouts: LivepatchLayouts;
}

interface Assembly extends Omit<Surroundings, 'hooked'> {
  /** Tells objtool that a function that only the livepatch core leads to may lack ENDBR. */
  allowWithoutEndbr(definition: Definition): void;
}

/** By the names under which the update's own code knows them. */
export function addOwnTables(
  builder: ObjectBuilder,
  { functions, layouts, hooks = [], exits = [], fresh = [], builds = [] }: OwnTables,
  contents: readonly FreshData[],
  { allowWithoutEndbr, ...assembly }: Assembly,
): ReadonlyMap<string, NewSymbol> {
  const tables = new Map<string, NewSymbol>();
  const { symbolOf } = assembly;
  if (functions !== undefined) {
    for (const { replacement } of functions) allowWithoutEndbr(replacement);
    const hooked = new Set([...hooks, ...exits, ...fresh, ...builds].map(({ object }) => object));
    // Whose callbacks tell when all tasks have gone over.
    if (fresh.length > 0) hooked.add('vmlinux');
    tables.set(PATCH_SYMBOL, addLivepatchTables(builder, functions, layouts, { ...assembly, hooked }));
    if (hooked.size > 0) {
      tables.set(EXITS_SYMBOL, addExitTable(builder, exits, symbolOf));
      tables.set(FRESH_SYMBOL, addFreshTable(builder, fresh, contents, symbolOf));
      tables.set(BUILDS_SYMBOL, addBuildTable(builder, builds));
    }
  }
  // Also where no code of ours reads it: objtool takes ENDBR away from functions whose address nobody has.
  if (hooks.length + exits.length + fresh.length + builds.length > 0)
    tables.set(HOOKS_SYMBOL, addHookTable(builder, hooks, symbolOf));
  return tables;
}
