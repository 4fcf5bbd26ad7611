// Where each active machine stands, in one of five places; see FleetStanding in packages/protocol for the order in which they are asked.

import type { FleetStanding } from '@resplice/protocol/console';
import type { LevelView } from './machine-view.js';

export type Standing = keyof FleetStanding;

export interface StandingSubject {
  readonly silent: boolean;
  /** Bad health or a crash loop. */
  readonly failing: boolean;
}

export function standingOf({ silent, failing }: StandingSubject, view: LevelView | undefined): Standing {
  if (silent) return 'silent';
  if (failing || view?.level.updates.some(({ state }) => state === 'failed') === true) return 'failing';
  if (view === undefined || view.status === 'unsupported') return 'unsupported';
  return view.status === 'uptodate' ? 'safe' : 'exposed';
}

export function countStandings(
  cells: readonly (StandingSubject & { readonly patchLevelId: number; readonly machines: number })[],
  views: ReadonlyMap<number, LevelView>,
): FleetStanding {
  const counts = { safe: 0, exposed: 0, failing: 0, silent: 0, unsupported: 0 };
  for (const cell of cells) counts[standingOf(cell, views.get(cell.patchLevelId))] += cell.machines;
  return counts;
}
