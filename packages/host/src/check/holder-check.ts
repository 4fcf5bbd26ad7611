// Refusals that concern who else has a hand on the functions to be replaced: other live patches, our own earlier updates,
// tracers that redirect. Kprobes are found by address and so belong to the code check.

import type { Reason } from '@resplice/report';
import type { Manifest } from '@resplice/update';
import { findUpdateId, type TargetFunction } from '../applicable-update.js';
import type { Livepatch } from '../kernel/livepatch-list.js';
import type { ApplyFacts } from './facts.js';

export interface HolderFindings {
  readonly reasons: readonly Reason[];
  readonly notes: readonly string[];
}

export function checkHolders(
  manifest: Manifest,
  targets: readonly TargetFunction[],
  facts: ApplyFacts,
): HolderFindings {
  const traced = targets.map((target) => checkTracer(target, facts));
  return {
    reasons: [
      ...checkTransition(manifest, facts.livepatches),
      ...checkRequired(manifest, facts.livepatches),
      ...targets.flatMap((target) => checkLivepatches(manifest, target, facts.livepatches)),
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

function checkRequired(manifest: Manifest, livepatches: readonly Livepatch[]): readonly Reason[] {
  const applied = new Set(
    livepatches.filter((each) => each.enabled && !each.transition).map(({ module }) => findUpdateId(module)),
  );
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
    if (id === manifest.id || manifest.requires.includes(id)) return [];
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
