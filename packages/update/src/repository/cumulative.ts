// Which of several updates of one kernel count, when some of them are cumulative: each of those takes the place of the ones before it and of the
// updates that it contains. The others stay in the repository, for whoever names them, and for machines that may not have the newest one yet.

import { z } from 'zod';
import { UpdateId } from '../manifest.js';

export const Cumulative = z.object({ number: z.number().int().positive(), contains: z.array(UpdateId) });
export type Cumulative = z.infer<typeof Cumulative>;

interface Numbered {
  readonly id: string;
  readonly cumulative?: Cumulative | undefined;
}

/**
 * Without what a cumulative update takes the place of.
 * @param meant of one kernel build
 * @param all that there are for it: what is part of any cumulative update comes with one, or not at all
 */
export function dropReplaced<T extends Numbered>(
  meant: readonly T[],
  all: readonly Numbered[] = meant,
): readonly T[] {
  const newest = Math.max(0, ...meant.flatMap(({ cumulative }) => cumulative?.number ?? []));
  const contained = new Set(all.flatMap(({ cumulative }) => cumulative?.contains ?? []));
  return meant.filter(({ id, cumulative }) =>
    cumulative === undefined ? !contained.has(id) : cumulative.number === newest,
  );
}
