// From two versions of an object to what an update has to carry: the functions to replace, everything their new code needs
// that the running kernel does not have, and the reasons why it cannot be done if it cannot.
//
// Order of work: define both sides, pair them, compare every pair, mark what changed, then follow the references of changed code
// until nothing is added. Behind that last step nothing new enters the update.

import { InternalError, type Reason } from '@resplice/report';
import type { ObjectFile } from '../elf/object.js';
import { Comparer, type Side } from './compare.js';
import { type Correlation, correlate } from './correlate.js';
import { type Definition, defineObject } from './definition.js';
import { type Difference, findDifference } from './difference.js';
import { type Selection, selectDefinitions } from './select.js';
import { spreadChanges } from './spread.js';
import { collectTables, type StructLayouts } from './table.js';

/** A function of the running kernel that the update replaces. */
export interface ReplacedPair {
  readonly before: Definition;
  readonly after: Definition;
  readonly difference: Difference | undefined;
}

export interface ObjectDiff {
  readonly name: string;
  readonly pre: Side;
  readonly post: Side;
  readonly correlation: Correlation;
  readonly replaced: readonly ReplacedPair[];
  readonly selection: Selection;
  readonly reasons: readonly Reason[];
}

/** True when the update has nothing to do for this object. */
export function isEmpty(diff: ObjectDiff): boolean {
  return diff.replaced.length === 0 && diff.selection.included.length === 0 && diff.reasons.length === 0;
}

/**
 * Compares two versions of one object.
 * @param name what the object is called in reasons, for example `net/core/sock.o`
 * @param isModule the object is part of a loadable module, which may be loaded after the update
 */
export function diffObjects(
  name: string,
  before: ObjectFile,
  after: ObjectFile,
  layouts: StructLayouts,
  isModule = false,
): ObjectDiff {
  const pre = openSide(before, layouts);
  const post = openSide(after, layouts);
  const correlation = correlate(pre.object, post.object);
  const comparer = new Comparer(pre, post, correlation.pairs);
  const changed = findChanged(correlation, comparer);
  const carried = spreadChanges(pre, correlation, changed, isModule);
  const selection = selectDefinitions({ name, pre, post, correlation, changed, carried, isModule });
  const replaced = selection.replaced.map((definition) => {
    const original = correlation.origins.get(definition);
    if (original === undefined)
      throw new InternalError('no-original', `replaced function ${definition.name} has no original`);
    return {
      before: original,
      after: definition,
      difference: findDifference(comparer, pre, original, post, definition),
    };
  });
  return { name, pre, post, correlation, replaced, selection, reasons: selection.reasons };
}

/** An object with its definitions and tables. */
export function openSide(file: ObjectFile, layouts: StructLayouts): Side {
  const object = defineObject(file);
  return { object, tables: collectTables(object, layouts) };
}

/** Post definitions that differ from what they are paired with. */
function findChanged(correlation: Correlation, comparer: Comparer): Set<Definition> {
  const changed = new Set<Definition>();
  for (const [before, after] of correlation.pairs) {
    if (after.sectionClass !== 'call-site' && !comparer.isSame(before, after)) changed.add(after);
  }
  return changed;
}
