// One process says that something is different, and every server process that has pages open hears it: with NOTIFY, which both databases have.
// It is part of the transaction that makes the difference, so nothing is heard of what did not happen, and nothing that happened is left out.
//
// Rejected: a version that is counted up in a table, as the catalogue has it. Every batch of check-ins would write that one row, and servers
// would wait for each other.

import { LIVE_IDS, LiveTopic } from '@resplice/protocol/console';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Orm } from '../database/database.js';

export const LIVE_CHANNEL = 'resplice_live';
/** PostgreSQL takes 8000 bytes. */
const MAX_BYTES = 7500;

const Announcement = z.object({
  /** Id of an organisation, or `all`. */
  organisation: z.string(),
  topic: LiveTopic,
  ids: z.array(z.string()),
  more: z.boolean(),
});
export type Announcement = z.infer<typeof Announcement>;

/** Tells pages of the organisation (`all`: of every one) that these are different, once the transaction is committed. */
export async function announce(
  orm: Pick<Orm, 'execute'>,
  organisation: string,
  topic: LiveTopic,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const text = encodeAnnouncement({ organisation, topic, ids: [...new Set(ids)], more: false });
  await orm.execute(sql`select pg_notify(${LIVE_CHANNEL}, ${text})`);
}

export function encodeAnnouncement(announcement: Announcement): string {
  const { ids } = announcement;
  for (let count = Math.min(ids.length, LIVE_IDS); ; count = Math.floor(count / 2)) {
    const more = announcement.more || count < ids.length;
    const text = JSON.stringify({ ...announcement, ids: ids.slice(0, count), more });
    if (count === 0 || Buffer.byteLength(text) <= MAX_BYTES) return text;
  }
}

/** Undefined for what another version, or somebody else on this channel, says. */
export function parseAnnouncement(text: string): Announcement | undefined {
  try {
    return Announcement.safeParse(JSON.parse(text)).data;
  } catch {
    // Not ours, and nothing depends on it.
    return undefined;
  }
}
