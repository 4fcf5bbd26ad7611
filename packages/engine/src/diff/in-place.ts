// Read-only data that the trampoline engine changes where it is: its jumps and these bytes are written in one moment, with nobody
// in the code that changes. Done for constants that a copy in the update would not be enough for: those that other objects can read
// (`sysctl_vals` of kernel/sysctl.c), and those that data which stays points at (`netlbl_unlabel_genl_policy` of
// net/netlabel/netlabel_unlabeled.c, by way of a registered family). All others are copied for their readers.
// Bytes only: an entry that begins to point elsewhere would keep an address of the update alive. In a module, whose place is a symbol to the
// engine's core, only tables without any pointer.

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

/** Constants after, each paired with one of the same size that keeps its place and gets other bytes. */
export function findChangedInPlace(context: InPlaceContext): ReadonlySet<Definition> {
  const { pre, post, engine } = context;
  if (engine !== 'trampoline') return new Set();
  const held = new Set([...findHeld(pre), ...findHeld(post)]);
  return new Set(post.object.definitions.filter((after) => isChangedInPlace(context, held, after)));
}

function isChangedInPlace(
  { pre, post, correlation, isModule }: InPlaceContext,
  held: ReadonlySet<Definition>,
  after: Definition,
): boolean {
  const before = correlation.origins.get(after);
  if (before === undefined || before.size !== after.size || before.symbols.length === 0) return false;
  const both = [before, after];
  if (!both.every(({ sectionClass, kind }) => sectionClass === 'constant' && kind === 'constant'))
    return false;
  if (!both.every((each) => each.binding !== 'local' || held.has(each))) return false;
  const [old, now] = [pre.object.referencesOf(before), post.object.referencesOf(after)];
  if (isModule && old.length + now.length > 0) return false;
  const isSame =
    old.length === now.length && old.every((each, index) => isSameReference(correlation, each, now[index]));
  return isSame && listChangedBytes(pre, before, post, after).length > 0;
}

/** What named data points at. */
function findHeld({ object }: Side): readonly Definition[] {
  return object.definitions
    .filter(({ kind, symbols }) => (kind === 'data' || kind === 'constant') && symbols.length > 0)
    .flatMap((holder) => object.referencesOf(holder))
    .flatMap(({ target }) => ('definition' in target ? [target.definition] : []));
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
