// Where a reference of an update's code leads: to the copy inside the update, or to what the running kernel has.

import { startsWithEndbr } from '../x86/endbr.js';
import type { Correlation } from './correlate.js';
import type { Definition, Target } from './definition.js';
import { parentOfFragment } from './symbol-name.js';

/** How an included definition reaches what it refers to. */
export type Resolution =
  /** The copy inside the update. */
  | { readonly kind: 'copy'; readonly definition: Definition }
  /** The original in the running kernel, a pre definition. */
  | { readonly kind: 'running'; readonly definition: Definition }
  /** A symbol of another object. */
  | { readonly kind: 'external'; readonly symbol: string; readonly weak: boolean };

/** How code or a table uses an address. */
export type Use = 'branch' | 'address' | 'table';

/**
 * Decides for one reference of an included definition. A branch to a replaced function goes straight to the new code, and
 * table entries describe the new code; but the address of a function, when taken, is the original's, so that pointers stay
 * comparable with those stored earlier and stay valid after an undo. Where the original has no ENDBR, nothing that runs has its address, and a
 * call through it would fault on a processor with IBT: then it is the new code's.
 */
export function resolveTarget(
  correlation: Correlation,
  included: ReadonlySet<Definition>,
  target: Target,
  use: Use,
): Resolution {
  if ('symbol' in target) return { kind: 'external', symbol: target.symbol, weak: target.weak };
  const { definition } = target;
  const original = correlation.origins.get(definition);
  if (original === undefined) return { kind: 'copy', definition };
  if (!included.has(definition)) return { kind: 'running', definition: original };
  const isPointer = definition.kind === 'function' && use === 'address' && target.offset === 0;
  if (isPointer && parentOfFragment(definition.name) === undefined && !gainsEndbr(original, definition))
    return { kind: 'running', definition: original };
  return { kind: 'copy', definition };
}

/** Its address is taken for the first time: compilers give ENDBR to functions that an indirect call can reach, and to no others. */
export function gainsEndbr(before: Definition, after: Definition): boolean {
  return (
    !startsWithEndbr(before.section.data, before.start) && startsWithEndbr(after.section.data, after.start)
  );
}
