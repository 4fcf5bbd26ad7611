// Object by object: is the rebuilt original the shipped code, and what does the patch change in it?
//
// When the update is built on top of others, the code that runs is partly theirs. The shipped object is then matched as always, and the
// object with their patches is paired with it, so that what the match proved of the one is known of the other; a function
// that a lower update replaced must be, to the byte, the one that update carries.

import {
  correlate,
  type Definition,
  type DiffOptions,
  diffObjects,
  type Engine,
  hashCode,
  isEmpty,
  isLiftedWhenFresh,
  listMigrants,
  type MatchedFunction,
  type Migration,
  matchObject,
  type ObjectDiff,
  type ObjectFile,
  type ObjectMatch,
  openSide,
  type RunningObject,
} from '@resplice/engine';
import type { Reason } from '@resplice/report';
import type { Manifest } from '@resplice/update';
import type { KernelModel } from './kernel-model.js';
import { explainMismatch } from './mismatch.js';

/** One compiled object as part of one kernel object. */
export interface ComparedObject {
  /** `net/core/sock.o` */
  readonly name: string;
  readonly source: string;
  /** `vmlinux` or the module's name. */
  readonly owner: string;
  readonly diff: ObjectDiff;
  /** In terms of the diff's definitions before. */
  readonly match: ObjectMatch;
  /** Why its module must not be loaded before the update is applied; empty when it may. */
  readonly freshFor: readonly Reason[];
}

export interface ObjectVersions {
  readonly name: string;
  readonly source: string;
  readonly shipped: ObjectFile;
  /** What the patched object is compared with when that is not the shipped one: with the patches of updates below, or other flags. */
  readonly below: ObjectFile | undefined;
  readonly patched: ObjectFile;
}

export interface Comparison {
  readonly compared: ComparedObject | undefined;
  readonly reasons: readonly Reason[];
  readonly migration: Migration;
}

export interface CompareOptions {
  /** Updates that will be active below, lowest first. */
  readonly lower: readonly Manifest[];
  readonly engine: Engine;
  /** Modules may be required not to be loaded. */
  readonly mayBeFresh: boolean;
  /** The engine is livepatch, and may become the other one. */
  readonly mayChangeEngine: boolean;
}

/** Compares one object; nothing to compare when the patch leaves its code alone. */
export function compareObject(
  model: KernelModel,
  owner: string,
  versions: ObjectVersions,
  { lower, engine, mayBeFresh, mayChangeEngine }: CompareOptions,
): Comparison {
  const { name, source } = versions;
  const before = versions.below ?? versions.shipped;
  const shipped = versions.below === undefined ? undefined : openSide(versions.shipped, model.layouts);
  // With updates below, what the shipped object lacks may be theirs.
  const sameSource = lower.length === 0 ? shipped?.object : undefined;
  const { diff, freshFor } = diffAsNeeded(name, [before, versions.patched], model, {
    isModule: owner !== 'vmlinux',
    shipped: sameSource,
    engine,
    isAssembly: /\.[sS]$/.test(source),
    mayBeFresh: mayBeFresh && owner !== 'vmlinux',
    mayChangeEngine,
    isRunning: (symbol) => model.object(owner).addressesOf(symbol).length > 0,
  });
  const migration = listMigrants(diff);
  if (isEmpty(diff)) return { compared: undefined, reasons: [], migration };
  const running = model.object(owner);
  const shippedSide = shipped ?? diff.pre;
  const shippedMatch = matchObject(shippedSide, running);
  const reasons: Reason[] = [...diff.reasons];
  for (const [definition, mismatch] of shippedMatch.mismatches) {
    // A weak function gives way to another object's; nothing of it is in the kernel.
    if (definition.binding === 'weak') continue;
    reasons.push(explainMismatch(shippedSide, definition, running, mismatch, name));
  }
  const match =
    versions.below === undefined
      ? shippedMatch
      : carryOver(shippedMatch, correlate(shippedSide.object, diff.pre.object).pairs);
  reasons.push(...judgeReplaced(diff, match, running));
  if (versions.below !== undefined) reasons.push(...judgeLower(diff, owner, lower));
  return { compared: { name, source, owner, diff, match, freshFor }, reasons, migration };
}

type DiffNeeds = DiffOptions & Pick<CompareOptions, 'mayBeFresh' | 'mayChangeEngine'>;

/**
 * What is refused for a module that may be loaded, is asked again for one that is not: most of what cannot be changed exists only while it is
 * loaded. But an engine that can do it whatever is loaded comes before such a condition.
 */
function diffAsNeeded(
  name: string,
  [before, after]: readonly [ObjectFile, ObjectFile],
  model: KernelModel,
  { mayBeFresh, mayChangeEngine, ...options }: DiffNeeds,
): { readonly diff: ObjectDiff; readonly freshFor: readonly Reason[] } {
  const compare = (changed: DiffOptions) =>
    diffObjects(name, before, after, model.layouts, { ...options, ...changed });
  const diff = compare({});
  const plain = { diff, freshFor: [] };
  if (mayChangeEngine && diff.reasons.some(({ code }) => code === 'changed-data')) {
    const other = compare({ engine: 'trampoline' });
    if (other.reasons.length === 0)
      return { diff: { ...diff, reasons: needTrampoline(diff.reasons, other) }, freshFor: [] };
  }
  if (!mayBeFresh || !isLiftedWhenFresh(diff.reasons)) return plain;
  const fresh = compare({ fresh: true });
  return fresh.reasons.length > 0 ? plain : { diff: fresh, freshFor: diff.reasons };
}

/** Names the read-only data that livepatch cannot change, and the other engine changes in place. */
function needTrampoline(reasons: readonly Reason[], { name, selection }: ObjectDiff): readonly Reason[] {
  const found = 'its content changes, and it is read where it is by more than the code that changes';
  const tables = selection.led.map(({ tableAfter }) => tableAfter);
  const constants = [...new Set([...selection.rewritten, ...tables])].map(
    (constant): Reason => ({
      code: 'constant-needs-trampoline',
      subject: { object: name, section: constant.section.name, symbol: constant.name },
      found,
    }),
  );
  return [...reasons.filter(({ code }) => code !== 'changed-data'), ...constants];
}

/** What is known of shipped definitions, said of their counterparts. */
function carryOver(match: ObjectMatch, pairs: ReadonlyMap<Definition, Definition>): ObjectMatch {
  const move = <T>(map: ReadonlyMap<Definition, T>): Map<Definition, T> => {
    const moved = new Map<Definition, T>();
    for (const [definition, value] of map) {
      const other = pairs.get(definition);
      if (other !== undefined) moved.set(other, value);
    }
    return moved;
  };
  return {
    functions: move<MatchedFunction>(match.functions),
    addresses: move<bigint>(match.addresses),
    externals: match.externals,
    mismatches: move(match.mismatches),
    ambiguous: move(match.ambiguous),
    missing: match.missing.flatMap((definition) => pairs.get(definition) ?? []),
  };
}

/** Every function that is to be replaced must have been found, and at one place only. */
function judgeReplaced(diff: ObjectDiff, match: ObjectMatch, running: RunningObject): readonly Reason[] {
  return diff.replaced.flatMap(({ before }): readonly Reason[] => {
    if (match.functions.has(before) || (match.mismatches.has(before) && before.binding !== 'weak')) return [];
    const subject = { object: diff.name, symbol: before.name };
    const places = match.ambiguous.get(before);
    if (places === undefined)
      return [
        {
          code: 'function-not-in-kernel',
          subject,
          found: `${running.name} has no such function, or another one of that name`,
        },
      ];
    const found = `its code stands at ${places.length} places of ${running.name}, and nothing tells which one is compiled from this file`;
    return [{ code: 'ambiguous-symbol', subject, found }];
  });
}

/** A function that a lower update replaced must have become the same code here as there. */
function judgeLower(diff: ObjectDiff, owner: string, lower: readonly Manifest[]): readonly Reason[] {
  return diff.replaced.flatMap(({ before }): readonly Reason[] => {
    const top = lower.findLast((manifest) => findReplaced(manifest, owner, before.name) !== undefined);
    const replaced = top === undefined ? undefined : findReplaced(top, owner, before.name);
    if (top === undefined || replaced === undefined || replaced.newCode === hashCode(diff.pre, before))
      return [];
    const found = `update ${top.id} carries other code for it than its patches give here`;
    return [{ code: 'update-below-differs', subject: { object: diff.name, symbol: before.name }, found }];
  });
}

function findReplaced(manifest: Manifest, owner: string, name: string) {
  return manifest.objects
    .find((object) => object.name === owner)
    ?.functions.find((replaced) => replaced.name === name);
}
