import { join } from 'node:path';
import { z } from 'zod';
import type { Places } from '../places.js';
import { type Document, openDocument } from '../state/document.js';
import { kernelFolder } from '../state/wanted-set.js';

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
