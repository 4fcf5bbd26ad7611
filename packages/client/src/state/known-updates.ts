// What the repository had for this kernel when it was last asked: only for telling (`status`, `check`, `uname`, reports) without a network.
// Whatever is applied is verified again from the repository itself.

import { join } from 'node:path';
import { Cumulative, dropReplaced } from '@resplice/update/repository';
import { z } from 'zod';
import type { Places } from '../places.js';
import { type Document, openDocument } from './document.js';
import { kernelFolder } from './wanted-set.js';

const KnownUpdate = z.object({
  id: z.string(),
  description: z.string(),
  cves: z.array(z.string()),
  engine: z.string(),
  /** The release whose security this update belongs to, as its publisher says. */
  brings: z.object({ release: z.string(), version: z.string() }).optional(),
  cumulative: Cumulative.optional(),
});
export type KnownUpdate = z.infer<typeof KnownUpdate>;

const KnownUpdates = z.object({
  format: z.literal(1),
  /** When the repository was asked. */
  seen: z.string(),
  updates: z.array(KnownUpdate),
});
export type KnownUpdates = z.infer<typeof KnownUpdates>;

export function openKnownUpdates(places: Places, buildId: string): Document<KnownUpdates> {
  return openDocument(join(kernelFolder(places, buildId), 'known.json'), KnownUpdates);
}

/** Of those that this machine may have, without what a cumulative one of them takes the place of. */
export function listCounting(
  known: readonly KnownUpdate[],
  declined: ReadonlySet<string> = new Set(),
): readonly KnownUpdate[] {
  return dropReplaced(
    known.filter(({ id }) => !declined.has(id)),
    known,
  );
}
