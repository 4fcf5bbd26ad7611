// From check-ins that arrived to what the machines are told, and what others are told about the machines.

import type { CheckInAnswer } from '@resplice/protocol';
import type { Orm } from '../database/database.js';
import type { EventName, Item, Notifier } from '../job/notifier.js';
import type { Metrics } from '../metrics.js';
import { type Catalogue, releaseStateOf } from '../update/catalogue.js';
import { desiredStateOf, LAST_RING } from '../update/desired-state.js';
import { listOpenings, type Opening, secondsToOpening } from '../update/maintenance.js';
import {
  type ArrivedCheckIn,
  type CheckInResult,
  type RecordedCheckIn,
  recordCheckIns,
} from './check-in-batch.js';
import type { PatchLevelIndex } from './patch-level.js';

/** Seconds in which machines come when their window opens. */
const OPENING_SPREAD = 180;

/** Records a batch; when it fails for a reason that lies in one of them, each by itself, so that only that one fails. */
export async function recordBatch(
  orm: Orm,
  levels: PatchLevelIndex,
  arrivals: readonly ArrivedCheckIn[],
  now: Date,
): Promise<readonly CheckInResult[]> {
  try {
    return await recordCheckIns(orm, levels, arrivals, now);
  } catch (error) {
    // Ids of levels that the failed transaction made are worth nothing.
    levels.forget();
    if (!liesInData(error)) throw error;
  }
  const results: CheckInResult[] = [];
  for (const arrival of arrivals) {
    try {
      results.push(...(await recordCheckIns(orm, levels, [arrival], now)));
    } catch (error) {
      levels.forget();
      results.push({ ok: false, error: error instanceof Error ? error : new Error(String(error)) });
    }
  }
  return results;
}

/** SQLSTATE classes 22 (data) and 23 (constraints, such as a level that was removed meanwhile). */
function liesInData(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /^2[23]...$/.test(code) || liesInData(error.cause);
}

export function answerOf(
  recorded: RecordedCheckIn,
  catalogue: Catalogue,
  { waiting, now }: { readonly waiting: number; readonly now: Date },
): CheckInAnswer {
  const { machine: id, state, group, mode, organisationId, buildId, reported, checkInSeconds } = recorded;
  const ring = recorded.ring ?? LAST_RING;
  const release = releaseStateOf(catalogue, organisationId, buildId);
  const desired = desiredStateOf({ id, group, state, mode, ring, reported }, release);
  const openings = listOpenings(recorded.windows, now);
  return {
    state,
    group,
    ring,
    desired: openings === undefined ? desired : { ...desired, windows: openings.map(renderOpening) },
    nextCheckInSeconds: nextCheckIn(checkInSeconds, secondsToOpening(openings, now)),
    // Under load everybody comes later, and not all at the same time again.
    ...(waiting > 1000 ? { backOffSeconds: Math.ceil(Math.random() * Math.min(900, waiting / 4)) } : {}),
    ...(state === 'pending' ? { message: 'this machine waits for an administrator to authorise it' } : {}),
    ...(state === 'denied' ? { message: 'an administrator has denied this machine' } : {}),
  };
}

function renderOpening({ from, to }: Opening): { readonly from: string; readonly to: string } {
  return { from: from.toISOString(), to: to.toISOString() };
}

/** A machine asks anew when its window opens, within its first minutes. */
function nextCheckIn(usual: number, opens: number | undefined): number {
  const next = spread(usual);
  return opens !== undefined && opens < next ? opens + 1 + Math.floor(Math.random() * OPENING_SPREAD) : next;
}

/** A tenth earlier or later, so that machines that were started together do not stay together. */
function spread(seconds: number): number {
  return Math.max(1, Math.round(seconds * (0.9 + Math.random() * 0.2)));
}

/** Counts, and notifies of what people should know. */
export function followUp(results: readonly CheckInResult[], metrics: Metrics, notifier: Notifier): void {
  const byOrganisation = new Map<string, Map<EventName, Item[]>>();
  for (const result of results) {
    metrics.countCheckIn(
      result.ok ? 'recorded' : 'code' in result.error ? String(result.error.code) : 'failed',
    );
    if (!result.ok) continue;
    for (const { event, item } of listNotices(result)) {
      const events = byOrganisation.get(result.organisationId) ?? new Map<EventName, Item[]>();
      byOrganisation.set(result.organisationId, events);
      events.set(event, [...(events.get(event) ?? []), item]);
    }
  }
  for (const [organisation, events] of byOrganisation) {
    for (const [event, items] of events) void notifier.notify(organisation, event, items);
  }
}

/** Whether a machine reports what may halt a roll-out. */
export function speakAgainstUpdates(results: readonly CheckInResult[]): boolean {
  return results.some((result) => result.ok && listNotices(result).length > 0);
}

interface Notice {
  readonly event: EventName;
  readonly item: Item;
}

function listNotices({ machine, events }: RecordedCheckIn): readonly Notice[] {
  return events.flatMap(({ kind, detail }): readonly Notice[] => {
    if (kind === 'health-changed' && detail.to === 'bad')
      return [{ event: 'machine.health-bad', item: { machine, complaints: detail.complaints } }];
    if (kind === 'disabled-changed' && detail.to === 'crash-loop')
      return [{ event: 'machine.crash-loop', item: { machine } }];
    if (kind !== 'updates-changed' || !Array.isArray(detail.changes)) return [];
    return detail.changes
      .filter(({ to }) => to === 'failed' || to === 'refused')
      .map(({ id, to, reasons }) => ({
        event: 'update.failed' as const,
        item: { machine, update: id, state: to, reasons },
      }));
  });
}
