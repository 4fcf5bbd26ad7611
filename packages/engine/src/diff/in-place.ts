// Read-only data of the kernel that the trampoline engine changes where it is: its jumps and these bytes are written in one moment, with nobody
// in the code that changes. Done for constants that other objects can read, which no copy in the update would reach (`sysctl_vals` of
// kernel/sysctl.c); constants that only their own object knows are copied for their readers.
// Bytes only: an entry that begins to point elsewhere would keep an address of the update alive.

import type { Side } from './compare.js';
import type { Correlation } from './correlate.js';
import type { Definition, Reference, Target } from './definition.js';
import type { Engine } from './redirection.js';

export interface InPlaceContext {
  readonly pre: Side;
  readonly post: Side;
  readonly correlation: Correlation;
  readonly isModule: boolean;
  readonly engine: Engine;
}

/** Bytes of a constant that become others. */
export interface ChangedBytes {
  readonly offset: number;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

export function isChangedInPlace(context: InPlaceContext, after: Definition): boolean {
  const { pre, post, correlation, isModule, engine } = context;
  const before = correlation.origins.get(after);
  if (engine !== 'trampoline' || isModule || before === undefined || before.size !== after.size) return false;
  if (![before, after].every((each) => each.sectionClass === 'constant' && each.binding !== 'local'))
    return false;
  const [old, now] = [pre.object.referencesOf(before), post.object.referencesOf(after)];
  const isSame =
    old.length === now.length && old.every((each, index) => isSameReference(correlation, each, now[index]));
  return isSame && listChangedBytes(pre, before, post, after).length > 0;
}

function isSameReference(correlation: Correlation, old: Reference, now: Reference | undefined): boolean {
  return (
    now !== undefined &&
    old.offset === now.offset &&
    old.type === now.type &&
    isSameTarget(correlation, old.target, now.target)
  );
}

function isSameTarget(correlation: Correlation, old: Target, now: Target): boolean {
  if (old.offset !== now.offset) return false;
  if ('symbol' in old) return 'symbol' in now && old.symbol === now.symbol;
  return 'definition' in now && correlation.pairs.get(old.definition) === now.definition;
}

/** Where the two differ, outside of what the linker fills in. */
export function listChangedBytes(
  pre: Side,
  before: Definition,
  post: Side,
  after: Definition,
): readonly ChangedBytes[] {
  const [old, now] = [pre.object.bytesOf(before), post.object.bytesOf(after)];
  const filled = new Set(
    post.object
      .referencesOf(after)
      .flatMap(({ offset, size }) => Array.from({ length: size }, (_, index) => offset + index)),
  );
  const differs = (at: number) => at < old.length && old[at] !== now[at] && !filled.has(at);
  const changes: ChangedBytes[] = [];
  for (let at = 0; at < old.length; at++) {
    if (!differs(at)) continue;
    let end = at + 1;
    while (differs(end)) end += 1;
    changes.push({ offset: at, before: old.slice(at, end), after: now.slice(at, end) });
    at = end;
  }
  return changes;
}
