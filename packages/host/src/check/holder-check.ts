// Refusals that concern who else has a hand on the functions to be replaced: other live patches, our own earlier updates,
// tracers that redirect. Kprobes are found by address and so belong to the code check.

import type { Reason } from '@resplice/report';
import type { Manifest, ReplacedFunction } from '@resplice/update';
import { findUpdateId, moduleNameOf, type TargetFunction } from '../applicable-update.js';
import type { Livepatch } from '../kernel/livepatch-list.js';
import type { ActiveTrampoline } from '../trampoline/active-update.js';
import type { ApplyFacts } from './facts.js';

export interface HolderFindings {
  readonly reasons: readonly Reason[];
  readonly notes: readonly string[];
}

export function checkHolders(
  manifest: Manifest,
  targets: readonly TargetFunction[],
  facts: ApplyFacts,
  replaced: ReadonlySet<string> = new Set(),
): HolderFindings {
  const traced = targets.map((target) => checkTracer(target, facts));
  return {
    reasons: [
      ...checkTransition(manifest, facts.livepatches),
      ...checkRequired(manifest, facts),
      ...targets.flatMap((target) => checkLivepatches(manifest, target, facts.livepatches)),
      ...targets.flatMap((target) => checkTrampolines(target, facts, replaced)),
      ...traced.flatMap(({ reasons }) => reasons),
    ],
    notes: [
      ...(facts.traced === undefined
        ? ['tracefs is not mounted, so function tracers were not looked for']
        : []),
      ...(facts.kprobes === undefined
        ? ['debugfs is not mounted, so kprobes were only looked for in the code']
        : []),
      ...traced.flatMap(({ notes }) => notes),
    ],
  };
}

/** Live patches that replace the function, whether or not they are finished doing so. */
export function findHolders(target: TargetFunction, livepatches: readonly Livepatch[]): readonly Livepatch[] {
  const rank = Math.max(target.position, 1);
  return livepatches.filter(({ objects }) =>
    objects.some(
      ({ name, functions }) =>
        name === target.object && functions.some((each) => each.name === target.name && each.rank === rank),
    ),
  );
}

function checkTransition(manifest: Manifest, livepatches: readonly Livepatch[]): readonly Reason[] {
  return livepatches
    .filter(({ transition }) => transition)
    .map(({ module, enabled }) => ({
      code: 'transition-running',
      subject: { object: module },
      found: `the live patch ${module === manifest.module.name ? 'of this update' : module} is still being ${
        enabled ? 'applied' : 'taken back'
      }`,
    }));
}

function checkRequired(manifest: Manifest, facts: ApplyFacts): readonly Reason[] {
  const enabled = facts.livepatches.filter((each) => each.enabled && !each.transition);
  const jumping = facts.trampolines.filter(({ state }) => state === 'applied');
  const applied = new Set([...enabled, ...jumping].map(({ module }) => findUpdateId(module)));
  return manifest.requires
    .filter((id) => !applied.has(id))
    .map((id) => ({
      code: 'required-update-missing',
      subject: {},
      found: `it builds on the update ${id}, which is not applied`,
      advice: `apply ${id} first`,
    }));
}

function checkLivepatches(
  manifest: Manifest,
  target: TargetFunction,
  livepatches: readonly Livepatch[],
): readonly Reason[] {
  const subject = { object: target.object, symbol: target.name };
  return findHolders(target, livepatches).flatMap(({ module }): readonly Reason[] => {
    const id = findUpdateId(module);
    if (id === undefined) {
      return [{ code: 'function-held-by-livepatch', subject, found: `the live patch ${module} replaces it` }];
    }
    const isBelow = manifest.requires.includes(id) && manifest.engine === 'livepatch';
    if (id === manifest.id || isBelow) return [];
    return [
      {
        code: 'function-held-by-update',
        subject,
        found: `the update ${id} replaces it`,
        advice: `run \`resplice undo ${id}\` first, or create this update on top of ${id}`,
      },
    ];
  });
}

/** The update of the trampoline engine whose jump stands in this code. */
export function findJumper(
  target: TargetFunction,
  trampolines: readonly ActiveTrampoline[],
): { readonly id: string; readonly at: number } | undefined {
  for (const { id, state, manifest } of trampolines) {
    if (state !== 'applied') continue;
    for (const object of manifest?.objects ?? []) {
      const replaced = object.functions.find((each) => isSame(target, object.name, each));
      if (replaced?.jump != null) return { id, at: replaced.jump.at };
    }
  }
  return undefined;
}

function isSame(
  { place, object, name, position }: TargetFunction,
  owner: string,
  other: ReplacedFunction,
): boolean {
  const below = other.jump?.below ?? null;
  if (place !== undefined)
    return below !== null && moduleNameOf(below.update) === place.module && below.at === place.offset;
  return below === null && owner === object && other.name === name && other.position === position;
}

function checkTrampolines(
  target: TargetFunction,
  { trampolines }: ApplyFacts,
  replaced: ReadonlySet<string>,
): readonly Reason[] {
  const jumper = findJumper(target, trampolines);
  if (jumper === undefined || replaced.has(jumper.id)) return [];
  const { id } = jumper;
  return [
    {
      code: 'function-held-by-update',
      subject: { object: target.object, symbol: target.name },
      found: `the update ${id} replaces it, by a jump`,
      advice: `run \`resplice undo ${id}\` first, or create this update on top of ${id}`,
    },
  ];
}

function checkTracer(target: TargetFunction, facts: ApplyFacts): HolderFindings {
  const entry = facts.traced?.find(({ object, name }) => object === target.object && name === target.name);
  if (entry === undefined) return { reasons: [], notes: [] };
  const by = entry.handlers.length === 0 ? '' : ` (${entry.handlers.join(', ')})`;
  const byLivepatch = findHolders(target, facts.livepatches).length > 0;
  if (entry.redirected && !byLivepatch && target.position === 0) {
    const subject = { object: target.object, symbol: target.name };
    return {
      reasons: [{ code: 'function-held-by-tracer', subject, found: `a tracer redirects it${by}` }],
      notes: [],
    };
  }
  // A live patch needs nothing but the redirection for itself: plain tracers and BPF programs go on seeing every call. With
  // several functions of that name the list does not tell which one is meant; then the kernel itself decides when loading.
  if (byLivepatch) return { reasons: [], notes: [] };
  const what = entry.direct ? 'a BPF program or direct tracer' : 'a function tracer';
  return { reasons: [], notes: [`${target.object}: ${target.name}: ${what} sits on it${by} and stays`] };
}
