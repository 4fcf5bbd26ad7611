// Which updates of a roll-out a machine of one kernel has to have, and what else is as good: a cumulative update takes the place of its parts and of
// the cumulative ones before it, so a machine that has the newest one reports none of those.

import { listCounting, type PublishedUpdate } from '../update/catalogue.js';

/** An id, and those of the updates that contain it. */
export type Required = readonly [id: string, ...standIns: string[]];

/** @param published of one kernel build, not gone */
export function listRequired(
  published: readonly PublishedUpdate[],
  updates: ReadonlySet<string>,
): readonly Required[] {
  const meant = published.filter(({ updateId }) => updates.has(updateId));
  return listCounting(meant).map((row): Required => {
    const standIns = published.filter((each) => isInPlaceOf(each, row)).map(({ updateId }) => updateId);
    return [row.updateId, ...standIns];
  });
}

function isInPlaceOf({ cumulative }: PublishedUpdate, of: PublishedUpdate): boolean {
  if (cumulative === null) return false;
  if (of.cumulative === null) return cumulative.contains.includes(of.updateId);
  return cumulative.number > of.cumulative.number;
}
