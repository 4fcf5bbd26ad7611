// The crash-loop guard: an update that crashes the machine at boot must not be applied at the next boot again. Before anything is applied at
// boot, that is written down; once the machine has been up for a while with a clean kernel log, or is shut down in order, it is settled. A
// boot that finds the note of an earlier one unsettled knows that it ended early. A power cut within the first minute looks the same and is
// taken for a crash: one machine that has to be told to go on is less bad than one that cannot come up.

import { join } from 'node:path';
import { z } from 'zod';
import type { Places } from '../places.js';
import { type Document, openDocument } from '../state/document.js';
import { kernelFolder } from '../state/wanted-set.js';

const BootNote = z.object({
  format: z.literal(1),
  bootId: z.string(),
  since: z.string(),
  settled: z.boolean(),
  /** Boots in a row that did not get far. */
  endedEarly: z.number().int().nonnegative(),
  /** When re-applying was switched off; null while it is on. */
  switchedOff: z.string().nullable(),
});
export type BootNote = z.infer<typeof BootNote>;

export interface Boot {
  readonly bootId: string;
  readonly now: Date;
}

/** The note of one kernel build. */
export function openBootNote(places: Places, buildId: string): Document<BootNote> {
  return openDocument(join(kernelFolder(places, buildId), 'boot.json'), BootNote);
}

/** Pure: the note with which this boot begins. */
export function nextBootNote(
  before: BootNote | undefined,
  { bootId, now }: Boot,
  attempts: number,
): BootNote {
  const since = now.toISOString();
  if (before === undefined) {
    return { format: 1, bootId, since, settled: false, endedEarly: 0, switchedOff: null };
  }
  if (before.bootId === bootId || before.switchedOff !== null) return before;
  const endedEarly = before.settled ? 0 : before.endedEarly + 1;
  const switchedOff = endedEarly >= attempts ? since : null;
  return { format: 1, bootId, since, settled: false, endedEarly, switchedOff };
}

/** The machine got far enough, or is shut down in order. */
export async function settleBoot(note: Document<BootNote>): Promise<void> {
  const before = note.read();
  if (before === undefined || before.settled || before.switchedOff !== null) return;
  await note.write({ ...before, settled: true, endedEarly: 0 });
}

/** Switched on again by the administrator. */
export async function forgiveBoots(note: Document<BootNote>): Promise<void> {
  if (note.read() !== undefined) await note.remove();
}
