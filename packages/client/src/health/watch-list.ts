// Which updates are young, and from where on in the kernel log theirs is to be read. The place in the log is a line that we write into it before
// the update is applied: time stamps would have to be compared across two clocks of the kernel, and a record's number is not kept when a
// program reads the log as text. Lies under /run, as what it describes does not survive a reboot either; its existence starts the unit that watches.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { type Client, readUptime } from '../client.js';
import { type Document, openDocument } from '../state/document.js';

const WatchedUpdate = z.object({
  id: z.string(),
  /** The line in the kernel log. */
  marker: z.string(),
  /** Seconds after the start of the machine. */
  since: z.number(),
  /** How many of the looks at the log were clean. */
  looks: z.number().int().nonnegative(),
});
export type WatchedUpdate = z.infer<typeof WatchedUpdate>;

const WatchList = z.object({ format: z.literal(1), updates: z.array(WatchedUpdate) });
export type WatchList = z.infer<typeof WatchList>;

export function openWatchList({ places }: Pick<Client, 'places'>): Document<WatchList> {
  return openDocument(join(places.running, 'watch.json'), WatchList);
}

export function listWatched(client: Pick<Client, 'places'>): readonly WatchedUpdate[] {
  return openWatchList(client).read()?.updates ?? [];
}

/** Called before the update is applied; `cancel` when nothing came of that. */
export async function beginWatch(client: Client, id: string): Promise<{ cancel(): Promise<void> }> {
  const marker = `resplice: watching ${id} from here on, ${randomBytes(8).toString('hex')}`;
  client.machine.writeControl('/dev/kmsg', `<6>${marker}`);
  const before = listWatched(client);
  const watched = { id, marker, since: readUptime(client.machine), looks: 0 };
  await writeWatched(client, [...before.filter((each) => each.id !== id), watched]);
  return { cancel: () => writeWatched(client, before) };
}

/** No file when nothing is watched. */
export async function writeWatched(
  client: Pick<Client, 'places'>,
  updates: readonly WatchedUpdate[],
): Promise<void> {
  const list = openWatchList(client);
  if (updates.length === 0) await list.remove();
  else await list.write({ format: 1, updates: [...updates] });
}
