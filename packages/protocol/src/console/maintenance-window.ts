// When machines may install. Windows are written in the time of a place, as people think of them, and reach machines as moments, so that no
// machine needs to know about time zones. Updates are taken back at any time.

import { z } from 'zod';

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const ClockTime = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'expected HH:MM, 24 hours');

export const MaintenanceWindow = z
  .object({
    /** On which the window begins. */
    days: z.array(z.enum(WEEKDAYS)).min(1),
    from: ClockTime,
    /** Earlier than `from`: on the next day. */
    to: ClockTime,
    /** As in the IANA database: `Europe/Berlin`. */
    timeZone: z.string().refine(isTimeZone, 'is no time zone of the IANA database'),
  })
  .refine(({ from, to }) => from !== to, 'begins and ends at the same time');
export type MaintenanceWindow = z.infer<typeof MaintenanceWindow>;

/** Empty or null: at any time. */
export const MaintenanceWindows = z.array(MaintenanceWindow).max(20);

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return name.length <= 64;
  } catch {
    // What Intl does not know is refused by the schema.
    return false;
  }
}
