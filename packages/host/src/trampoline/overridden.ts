// A live patch that somebody loads later, on a function with one of our jumps, wins: its redirection comes first in the function, and our new
// code is not reached any more, though the core rightly says that the update is applied. Nothing keeps the kernel from taking it;
// so it is looked for whenever updates are listed.

import type { Manifest } from '@resplice/update';
import type { Livepatch } from '../kernel/livepatch-list.js';

export interface Overridden {
  readonly object: string;
  readonly symbol: string;
  /** Module of the live patch. */
  readonly by: string;
}

/** Functions of the update whose calls go to somebody else's code. */
export function findOverridden(
  manifest: Manifest | undefined,
  livepatches: readonly Livepatch[],
): readonly Overridden[] {
  const active = livepatches.filter(({ enabled, module }) => enabled && module !== manifest?.module.name);
  return (manifest?.objects ?? []).flatMap(({ name: object, functions }) =>
    functions.flatMap(({ name: symbol, position }): readonly Overridden[] => {
      const rank = Math.max(position, 1);
      const holder = active.find(({ objects }) =>
        objects.some(
          (each) =>
            each.name === object &&
            each.functions.some((other) => other.name === symbol && other.rank === rank),
        ),
      );
      return holder === undefined ? [] : [{ object, symbol, by: holder.module }];
    }),
  );
}

/** The rest of a sentence about the update; empty when there is nothing to say. */
export function describeOverridden(overridden: readonly Overridden[]): string {
  if (overridden.length === 0) return '';
  const what = overridden.map(({ object, symbol, by }) => `${by} replaces ${symbol} of ${object}`);
  return `; but a live patch was loaded over it: ${what.join(', ')}, so that its own code is not used there`;
}
