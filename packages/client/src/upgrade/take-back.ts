// Taking updates back for good: undone now, newest first, and not applied again at boot.

import { listUpdates, type Machine, readEnvironment, type UndoResult } from '@resplice/host';
import { type Reason, RespliceError, type Verdict } from '@resplice/report';
import type { Client } from '../client.js';
import { type Places, placesBelow } from '../places.js';
import { openOutcomeList } from '../state/outcome-list.js';
import { openWantedSet } from '../state/wanted-set.js';

export type Undo = (id: string) => Promise<Verdict<UndoResult>>;

export interface TakenBack {
  readonly id: string;
  readonly state: UndoResult['state'] | 'refused' | 'failed';
  readonly reasons?: readonly Reason[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** What is in the kernel or wanted there, in the order in which it can be undone. */
export function listRemovable({ machine, places, kernel }: Client): readonly string[] {
  const loaded = listUpdates(machine).map(({ id }) => id);
  const wanted = openWantedSet(places, kernel)
    .list()
    .map(({ id }) => id)
    .filter((id) => !loaded.includes(id));
  return [...loaded, ...wanted].reverse();
}

/** `as`: by whom; the timer does not bring back what an administrator removed. An update that cannot be undone stays wanted. */
export async function takeBack(
  client: Client,
  ids: readonly string[],
  undo: Undo,
  as: 'removed' | 'withdrawn',
): Promise<readonly TakenBack[]> {
  const { machine, places, kernel } = client;
  const wanted = openWantedSet(places, kernel);
  const outcomes = openOutcomeList(places, kernel.buildId);
  const known = new Set(listRemovable(client));
  const results: TakenBack[] = [];
  for (const id of ids) {
    const result = await tryToUndo(id, undo);
    results.push(result);
    if (result.state === 'refused' || result.state === 'failed') continue;
    // A name that nothing here has, such as a misspelt one, leaves no trace.
    if (!known.has(id)) continue;
    await wanted.remove(id);
    const since = machine.now().toISOString();
    await outcomes.note({ id, state: as, reasons: [], since });
  }
  return results;
}

/** After an undo by hand. Nothing when nothing is kept for this kernel. */
export async function forgetWanted(
  machine: Machine,
  id: string,
  places: Places = placesBelow(),
): Promise<void> {
  const { release, buildId } = readEnvironment(machine);
  if (buildId !== undefined) await openWantedSet(places, { release, buildId }).remove(id);
}

/** An update that cannot be undone is told and does not keep the others applied. */
export async function tryToUndo(id: string, undo: Undo): Promise<TakenBack> {
  try {
    const verdict = await undo(id);
    if (!verdict.ok) return { id, state: 'refused', reasons: verdict.reasons };
    return { id, state: verdict.value.state };
  } catch (error) {
    if (!(error instanceof RespliceError)) throw error;
    return { id, state: 'failed', error: { code: error.code, message: error.message } };
  }
}
