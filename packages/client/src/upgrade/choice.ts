// Which of the updates that the repository has are for this machine now. Pure: what the server, the administrator and earlier outcomes say
// comes together here, and nowhere else.

import type { DesiredState, InstallMode } from '@resplice/protocol';
import type { Reason } from '@resplice/report';
import { type AvailableUpdate, dropReplaced, selectUpdates } from '@resplice/update/repository';
import type { Automatic } from '../configuration.js';
import type { Outcome } from '../state/outcome-list.js';

/** From the most cautious on. */
const CAUTION: readonly Automatic[] = ['off', 'notify', 'install'];

/** What the timer does: the more cautious of what the configuration and the server say. */
export function chooseAutomatic(
  configured: Automatic | undefined,
  server: InstallMode | null | undefined,
): Automatic {
  const said = [configured, server ?? undefined].filter((each) => each !== undefined);
  return CAUTION.find((mode) => said.includes(mode)) ?? 'notify';
}

export interface Wishes {
  /** Named on the command line; what stands here wins over everything else. */
  readonly ids: readonly string[];
  /** Undefined without a server. */
  readonly desired: DesiredState | undefined;
  readonly outcomes: readonly Outcome[];
  /** Nobody watches: what an administrator took back stays so, and nothing is applied outside the server's windows. */
  readonly automatic: boolean;
  readonly now: Date;
}

export interface Choice {
  readonly chosen: readonly AvailableUpdate[];
  readonly refused: ReadonlyMap<string, readonly Reason[]>;
}

/**
 * When machines may install again: undefined when they may now; null when no window is known any more, because the server was not heard for too
 * long.
 */
export function findOpening(desired: DesiredState | undefined, now: Date): string | null | undefined {
  const { windows } = desired ?? {};
  if (windows === undefined) return undefined;
  const left = windows.filter(({ to }) => Date.parse(to) > now.getTime());
  const [first] = left.sort((a, b) => Date.parse(a.from) - Date.parse(b.from));
  if (first === undefined) return null;
  return Date.parse(first.from) <= now.getTime() ? undefined : first.from;
}

/** Throws InputError `no-such-update`. */
export function chooseUpdates(available: readonly AvailableUpdate[], wishes: Wishes): Choice {
  const { ids, desired, outcomes, automatic, now } = wishes;
  if (ids.length > 0) return { chosen: selectUpdates(available, ids), refused: new Map() };
  if (automatic && findOpening(desired, now) !== undefined) return { chosen: [], refused: new Map() };
  const removed = new Set(
    outcomes.filter(({ state }) => automatic && state === 'removed').map(({ id }) => id),
  );
  const isMeant = (id: string): boolean => {
    if (removed.has(id)) return false;
    if (desired === undefined) return true;
    if (desired.remove.includes(id) || desired.except.includes(id)) return false;
    return desired.updates === 'all' || desired.updates.includes(id);
  };
  const harmful = outcomes.filter(({ state }) => state === 'harmful');
  const infos = available.map(({ info }) => info);
  const counting = new Set(
    dropReplaced(
      infos.filter(({ id }) => isMeant(id)),
      infos,
    ),
  );
  return {
    chosen: available.filter(({ info }) => counting.has(info)),
    refused: new Map(harmful.map((each) => [each.id, explainHarm(each)])),
  };
}

function explainHarm({ reasons, since }: Outcome): readonly Reason[] {
  const found = reasons[0]?.found ?? '';
  return [{ code: 'kernel-complained', subject: {}, found: `${found} (${since})` }];
}
