// The stage that lets patched build rules have their say: objects that they add, or compile with other flags.

import { type Reason, silentProgress, withStage } from '@resplice/report';
import type { WorkOptions } from '../debian/store.js';
import { findChangedNumbers } from '../tree/offset-listing.js';
import { readPatchedRules } from '../tree/patched-rules.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import { findRemade } from '../tree/remade-files.js';
import type { Slot } from '../tree/slot.js';
import type { AffectedObjects } from './affected.js';

export interface RuledTree {
  /** The tree with the commands of the patched rules. */
  readonly tree: PreparedTree;
  /** To be compiled because of the rules. */
  readonly objects: readonly string[];
  readonly notBuilt: readonly string[];
  readonly reasons: readonly Reason[];
}

/** Asks the patched build rules, if there are any, what is built with them. */
export async function withRules(
  tree: PreparedTree,
  slot: Slot,
  { rules, newSources, notBuilt }: AffectedObjects,
  options: WorkOptions,
): Promise<RuledTree> {
  if (rules.length === 0) return { tree, objects: [], notBuilt: [...notBuilt, ...newSources], reasons: [] };
  const progress = options.progress ?? silentProgress;
  const patched = await withStage(progress, 'ask-rules', rules.join(', '), () =>
    readPatchedRules(tree, slot, rules, options),
  );
  const { database, added, recompiled, reasons } = patched;
  const objects = [...added, ...recompiled];
  const compiled = new Set(objects.map((object) => database.find(object)?.source));
  const idle = [...(objects.length === 0 ? rules : []), ...newSources, ...patched.notBuilt].filter(
    (path) => !compiled.has(path),
  );
  return { tree: { ...tree, database }, objects, notBuilt: [...new Set([...notBuilt, ...idle])], reasons };
}

/** Generated sources would not be made again; so none may come out otherwise. */
export async function judgeRemade(
  tree: PreparedTree,
  slot: Slot,
  { generating }: AffectedObjects,
  options: WorkOptions,
): Promise<readonly Reason[]> {
  const reasons: Reason[] = [];
  for (const entry of generating) {
    const changed = await findRemade(tree, slot, entry, options);
    if (changed.length === 0) continue;
    const found = `${changed.slice(0, 3).join(', ')} ${changed.length === 1 ? 'is' : 'are'} made from it when the kernel is built`;
    const advice = 'leave that file out, and write what the other sources need of it into them';
    reasons.push({ code: 'patch-changes-build', subject: { file: entry[0] }, found, advice });
  }
  return reasons;
}

/** Assembly that the patch leaves alone would keep the numbers that it was made with. */
export async function judgeNumbers(
  tree: PreparedTree,
  slot: Slot,
  { listings }: AffectedObjects,
  options: WorkOptions,
): Promise<readonly Reason[]> {
  const changed = await findChangedNumbers(tree, slot.directory, listings, options);
  return [...new Set(changed.map(({ header }) => header))].map((header) => {
    const told = changed
      .filter((each) => each.header === header)
      .map(({ name, before = 'none', after = 'none' }) => `${name} ${before} → ${after}`);
    const more = told.length > 3 ? ` and ${told.length - 3} more` : '';
    return {
      code: 'patch-changes-build',
      subject: { file: header },
      found: `numbers that assembly uses change in it: ${told.slice(0, 3).join(', ')}${more}`,
      advice: 'leave out what changes them; only a kernel that is built anew has them everywhere',
    };
  });
}
