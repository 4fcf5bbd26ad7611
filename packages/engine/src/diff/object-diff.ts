// From two versions of an object to what an update has to carry: the functions to replace, everything their new code needs
// that the running kernel does not have, and the reasons why it cannot be done if it cannot.
//
// Order of work: define both sides, pair them, compare every pair, mark what changed, then follow the references of changed code
// until nothing is added. Behind that last step nothing new enters the update.

import { InternalError, type Reason } from '@resplice/report';
import type { ObjectFile } from '../elf/object.js';
import { Comparer, type Side } from './compare.js';
import { type Correlation, correlate, type MutableCorrelation } from './correlate.js';
import { type CustomCode, leaveAlone, readCustomCode } from './custom-record.js';
import { type DefinedObject, type Definition, defineObject } from './definition.js';
import { findLedPointers } from './device-table.js';
import { type Difference, findDifference } from './difference.js';
import { moveData } from './fresh-module.js';
import { findChangedInPlace } from './in-place.js';
import type { Engine } from './redirection.js';
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
  readonly custom: CustomCode;
  readonly reasons: readonly Reason[];
}

/** True when the update has nothing to do for this object. */
export function isEmpty(diff: ObjectDiff): boolean {
  const { included, rewritten, led } = diff.selection;
  const changes = [diff.replaced, included, rewritten, led, diff.reasons];
  return changes.every((list) => list.length === 0);
}

/** True when the running kernel does something else because of it: what is only there for others to use does nothing by itself. */
export function hasEffect({ replaced, selection, custom }: ObjectDiff): boolean {
  const { exit, init, rewritten, led } = selection;
  const changes = [replaced, rewritten, led, custom.hooks];
  return changes.some((list) => list.length > 0) || exit !== undefined || init !== undefined;
}

export interface DiffOptions {
  /** The object is part of a loadable module, which may be loaded after the update. */
  readonly isModule?: boolean;
  /** What the kernel has when that is `before` compiled with other flags. */
  readonly shipped?: DefinedObject | undefined;
  /** How functions will be redirected; livepatch when absent. */
  readonly engine?: Engine;
  /** The object is compiled from an assembly file. */
  readonly isAssembly?: boolean;
  /** The object's module is not loaded before the update is applied; see fresh-module.ts. */
  readonly fresh?: boolean;
  /** Whether the kernel object has a symbol before; none when absent. */
  readonly isRunning?: (symbol: string) => boolean;
}

/**
 * Compares two versions of one object.
 * @param name what the object is called in reasons, for example `net/core/sock.o`
 */
export function diffObjects(
  name: string,
  before: ObjectFile,
  after: ObjectFile,
  layouts: StructLayouts,
  {
    isModule = false,
    shipped,
    engine = 'livepatch',
    isAssembly = false,
    fresh = false,
    isRunning = () => false,
  }: DiffOptions = {},
): ObjectDiff {
  const pre = openSide(before, layouts);
  const post = openSide(after, layouts);
  const correlation = correlate(pre.object, post.object);
  const inPlace = fresh
    ? new Set<Definition>()
    : findChangedInPlace({ pre, post, correlation, isModule, engine });
  const keptPlaces = new Set([...inPlace].flatMap((after) => correlation.origins.get(after) ?? []));
  const comparer = new Comparer(pre, post, new Map(correlation.pairs), keptPlaces);
  const changed = findChanged(correlation, comparer);
  partKept(correlation, changed, isModule);
  const custom = readCustomCode(name, pre.object, post.object);
  leaveAlone(changed, correlation, custom);
  const moved = fresh ? moveData(changed, correlation, post.object) : new Set<Definition>();
  const led = fresh ? [] : findLedPointers({ pre, post, correlation, isModule, engine, changed, comparer });
  const absent = shipped === undefined ? new Set<Definition>() : findAbsent(shipped, pre.object);
  const carried = spreadChanges(pre, correlation, changed, { isModule, absent, engine, fresh });
  const selection = selectDefinitions({
    name,
    pre,
    post,
    correlation,
    changed,
    carried,
    absent,
    isModule,
    engine,
    isAssembly,
    fresh,
    moved,
    inPlace,
    led,
    custom,
    isRunning,
  });
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
  return { name, pre, post, correlation, replaced, selection, custom, reasons: selection.reasons };
}

/** An object with its definitions and tables. */
export function openSide(file: ObjectFile, layouts: StructLayouts): Side {
  const object = defineObject(file);
  return { object, tables: collectTables(object, layouts) };
}

/**
 * Functions that only the other flags brought about: a compiler that inlines otherwise splits otherwise (`__build_xattrs.part.0` of
 * fs/ceph/xattr.c). The running kernel has their code inside of their callers.
 */
function findAbsent(shipped: DefinedObject, before: DefinedObject): ReadonlySet<Definition> {
  const { origins } = correlate(shipped, before);
  return new Set(
    before.definitions.filter(
      (definition) =>
        definition.kind === 'function' &&
        definition.sectionClass === 'text' &&
        definition.binding === 'local' &&
        !origins.has(definition),
    ),
  );
}

/**
 * A function that loses its __init, because code that stays begins to call it, is gone from the running kernel: to the update it is new.
 * The comparison of others has seen the pair, so that a call of it is no change.
 */
function partKept({ pairs, origins }: MutableCorrelation, changed: Set<Definition>, isModule: boolean): void {
  for (const [before, after] of [...pairs]) {
    const isGone = before.sectionClass === 'init-text' || (before.sectionClass === 'exit-text' && !isModule);
    if (!isGone || after.sectionClass !== 'text') continue;
    pairs.delete(before);
    origins.delete(after);
    changed.delete(after);
  }
}

/** Post definitions that differ from what they are paired with. */
function findChanged(correlation: Correlation, comparer: Comparer): Set<Definition> {
  const changed = new Set<Definition>();
  for (const [before, after] of correlation.pairs) {
    const isJudged = after.sectionClass !== 'call-site' && after.sectionClass !== 'custom';
    if (isJudged && !comparer.isSame(before, after)) changed.add(after);
  }
  return changed;
}
