import { join } from 'node:path';
import { z } from 'zod';
import type { Client } from '../client.js';
import type { Places } from '../places.js';
import { type Document, openDocument } from '../state/document.js';
import { kernelFolder } from '../state/wanted-set.js';
import { listWatched } from './watch-list.js';

/** The last time that the kernel log said something after an update; it counts as bad until the machine is started anew. */
const HealthNote = z.object({
  format: z.literal(1),
  bootId: z.string(),
  since: z.string(),
  complaints: z.array(z.string()),
  updates: z.array(z.object({ id: z.string(), undone: z.boolean(), detail: z.string() })),
});
export type HealthNote = z.infer<typeof HealthNote>;

export function openHealthNote(places: Places, buildId: string): Document<HealthNote> {
  return openDocument(join(kernelFolder(places, buildId), 'health.json'), HealthNote);
}

export interface Health {
  readonly state: 'good' | 'watching' | 'bad';
  /** Of this boot; undefined unless the state is bad. */
  readonly note: HealthNote | undefined;
}

export function readHealth(client: Pick<Client, 'places' | 'kernel' | 'bootId'>): Health {
  const note = openHealthNote(client.places, client.kernel.buildId).read();
  if (note !== undefined && note.bootId === client.bootId) return { state: 'bad', note };
  return { state: listWatched(client).length > 0 ? 'watching' : 'good', note: undefined };
}
