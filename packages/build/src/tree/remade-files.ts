// What a patched file does to generated sources that are made from it: the recorded commands are run again in the slot that holds the patched
// sources, and what they write is compared. `#define X86_FEATURE_ZEN2 … /* "" */` of cpufeatures.h gives no name to arch/x86/kernel/cpu/capflags.c,
// which comes out as it was. Only for commands that interpreters run; a generator that is compiled first would have to be made again as well.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, type WorkOptions } from '../debian/store.js';
import type { GeneratedFile } from './compile-database.js';
import { recipeWords, runRecorded } from './generated-files.js';
import { Make } from './make.js';
import type { PreparedTree } from './prepare-tree.js';
import type { Slot } from './slot.js';

const INTERPRETED = /^(?:sh|bash|perl|awk|gawk|sed|python3) /;

/**
 * Generated sources that come out otherwise.
 * @param path a patched file
 * @param products all that are made from it
 */
export async function findRemade(
  tree: PreparedTree,
  slot: Slot,
  [path, products]: readonly [path: string, products: readonly string[]],
  { signal }: WorkOptions,
): Promise<readonly string[]> {
  const recipes = selectMakers(tree.database.generated, path, products);
  if (recipes === undefined) return products;
  const { environment } = new Make(slot.directory, tree.compiler, signal);
  const changed: string[] = [];
  for (const { targets, command } of recipes) {
    const before = await Promise.all(targets.map((target) => readText(join(slot.directory, target))));
    // The command would write into the file that the prepared tree has as well.
    for (const target of targets) await slot.remove(target);
    await runRecorded(slot.directory, command, { environment, signal });
    const after = await Promise.all(targets.map((target) => readText(join(slot.directory, target))));
    changed.push(...targets.filter((_, at) => before[at] === undefined || before[at] !== after[at]));
  }
  return changed;
}

/** Pure: the commands that make the products from the file, or undefined when it takes more than them. */
export function selectMakers(
  recipes: readonly GeneratedFile[],
  path: string,
  products: readonly string[],
): readonly GeneratedFile[] | undefined {
  const makers = recipes.filter(({ targets }) => targets.some((target) => products.includes(target)));
  const isPlain = ({ targets, command }: GeneratedFile) =>
    INTERPRETED.test(command) &&
    targets.every((target) => products.includes(target)) &&
    // What is made has one maker, which reads the file itself.
    recipeWords(command).includes(path) &&
    targets.every((target) => makers.filter((maker) => maker.targets.includes(target)).length === 1);
  return makers.every(isPlain) ? makers : undefined;
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'latin1');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
