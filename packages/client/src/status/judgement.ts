// The status as a monitoring plugin says it: one word, one sentence, numbers. Pure.

import { describeSwitchedOff } from '../boot/switched-off.js';
import { placesBelow } from '../places.js';
import type { ClientStatus } from './status.js';

export type Level = 'OK' | 'WARNING' | 'CRITICAL';

export interface Judgement {
  readonly level: Level;
  /** What stands against OK, the worst first. */
  readonly problems: readonly string[];
}

const DAY = 86_400_000;
/** Nothing was heard for that long, whatever the timer does. */
const SILENCE = 3 * DAY;

export function judgeStatus(status: ClientStatus, now: Date): Judgement {
  const critical = listCritical(status);
  const warnings = listWarnings(status, now);
  const level = critical.length > 0 ? 'CRITICAL' : warnings.length > 0 ? 'WARNING' : 'OK';
  return { level, problems: [...critical, ...warnings] };
}

function listCritical({
  health,
  healthNote,
  switchedOff,
  missing,
  registration,
}: ClientStatus): readonly string[] {
  const undone =
    healthNote?.updates.map(({ id, undone }) => `${id} ${undone ? 'was undone' : 'could not be undone'}`) ??
    [];
  return [
    ...(health === 'bad' ? [`the kernel complained after an update: ${undone.join(', ')}`] : []),
    ...(switchedOff === 'crash-loop' ? [describeSwitchedOff(switchedOff, placesBelow())] : []),
    ...(switchedOff === undefined && missing.length > 0
      ? [`wanted and not applied: ${missing.map(({ id }) => id).join(', ')}`]
      : []),
    ...(registration?.stopped == null ? [] : [`check-ins have stopped: ${registration.stopped.message}`]),
  ];
}

function listWarnings(status: ClientStatus, now: Date): readonly string[] {
  const { switchedOff, available, withdrawn, outcomes, seen, registration } = status;
  const silent = (since: string | null | undefined) =>
    since == null || now.getTime() - Date.parse(since) > SILENCE;
  const trouble = outcomes.filter(({ state }) => state === 'refused' || state === 'failed');
  return [
    ...(switchedOff === 'file' || switchedOff === 'command-line'
      ? [describeSwitchedOff(switchedOff, placesBelow())]
      : []),
    ...(available.length > 0 ? [`not applied: ${available.map(({ id }) => id).join(', ')}`] : []),
    ...(withdrawn.length > 0 ? [`applied and withdrawn: ${withdrawn.join(', ')}`] : []),
    ...trouble.map(
      ({ id, state, reasons }) => `${id} ${state}: ${reasons.map(({ code }) => code).join(', ')}`,
    ),
    ...(registration?.state === 'pending' ? ['the server has not authorised this machine yet'] : []),
    ...(registration?.state === 'denied' ? ['the server has denied this machine'] : []),
    ...(silent(seen)
      ? [`the repository was ${seen === undefined ? 'never asked' : `last asked ${seen}`}`]
      : []),
    ...(registration !== undefined && silent(registration.lastCheckIn)
      ? [`the last check-in was ${registration.lastCheckIn ?? 'never'}`]
      : []),
  ];
}
