// Windows in the time of a place become moments, for the coming two weeks: a machine that hears nothing for some days still knows when it may
// install, and needs no time zones for it.

import type { MaintenanceWindow } from '@resplice/protocol/console';
import { WEEKDAYS } from '@resplice/protocol/console';

const DAYS = 14;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const CACHED = 500;

export interface Opening {
  readonly from: Date;
  readonly to: Date;
}

/** Those that are not over, the earliest first; what overlaps is one. Undefined without windows: at any time. */
export function listOpenings(
  windows: readonly MaintenanceWindow[] | null,
  now: Date,
): readonly Opening[] | undefined {
  if (windows === null || windows.length === 0) return undefined;
  return openingsOfHour(windows, now).filter(({ to }) => to > now);
}

/** Seconds until the machine should ask, when a window opens before it would ask anyway. */
export function secondsToOpening(openings: readonly Opening[] | undefined, now: Date): number | undefined {
  const [first] = openings ?? [];
  return first === undefined || first.from <= now
    ? undefined
    : Math.ceil((first.from.getTime() - now.getTime()) / 1000);
}

/** Thousands of machines have the same windows, and Intl is slow. */
const cache = new Map<string, readonly Opening[]>();

function openingsOfHour(windows: readonly MaintenanceWindow[], now: Date): readonly Opening[] {
  const hour = Math.floor(now.getTime() / HOUR_MS);
  const key = `${hour} ${JSON.stringify(windows)}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  if (cache.size >= CACHED) cache.clear();
  const openings = computeOpenings(windows, new Date(hour * HOUR_MS));
  cache.set(key, openings);
  return openings;
}

function computeOpenings(windows: readonly MaintenanceWindow[], from: Date): readonly Opening[] {
  const found: Opening[] = [];
  for (const window of windows) {
    // From the day before: its window may reach into today, and the place may be a day behind.
    for (let day = -2; day <= DAYS; day += 1) {
      const date = new Date(Math.floor(from.getTime() / DAY_MS) * DAY_MS + day * DAY_MS);
      const weekday = WEEKDAYS[(date.getUTCDay() + 6) % 7];
      if (weekday === undefined || !window.days.includes(weekday)) continue;
      const begin = momentOf(date, window.from, window.timeZone);
      const ends = window.to > window.from ? date : new Date(date.getTime() + DAY_MS);
      found.push({ from: begin, to: momentOf(ends, window.to, window.timeZone) });
    }
  }
  return merge(found.filter(({ to }) => to > from));
}

function merge(openings: readonly Opening[]): readonly Opening[] {
  const merged: { from: Date; to: Date }[] = [];
  for (const { from, to } of [...openings].sort((a, b) => a.from.getTime() - b.from.getTime())) {
    const last = merged.at(-1);
    if (last === undefined || from > last.to) merged.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return merged;
}

/** A time of the clock on a day (its date in UTC). One that the clock skips in spring is the same time after the jump. */
function momentOf(date: Date, clock: string, timeZone: string): Date {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  const wall = date.getTime() + hours * HOUR_MS + minutes * 60_000;
  const guess = wall - offsetAt(wall, timeZone);
  return new Date(wall - offsetAt(guess, timeZone));
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** How far the clocks of a place are ahead of UTC, in milliseconds. */
function offsetAt(moment: number, timeZone: string): number {
  const known = formatters.get(timeZone);
  const formatter =
    known ??
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  if (known === undefined) formatters.set(timeZone, formatter);
  const parts = new Map(formatter.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
  const at = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  const wall = Date.UTC(at('year'), at('month') - 1, at('day'), at('hour'), at('minute'), at('second'));
  return wall - Math.floor(moment / 1000) * 1000;
}
