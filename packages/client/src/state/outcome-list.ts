// What became of updates that are not simply applied: refused by a check, ended by an error, or taken back. Kept
// for each build, so that status and reports tell it after the command is long over, and so that the timer does not try again every hour
// what harmed the kernel.

import { join } from 'node:path';
import { z } from 'zod';
import type { Places } from '../places.js';
import { type Document, openDocument } from './document.js';
import { kernelFolder } from './wanted-set.js';

const Outcome = z.object({
  id: z.string(),
  /**
   * `harmful`: undone because of what the kernel log said; not applied again unless it is asked for by name. `removed`: taken back by the
   * administrator; the timer does not bring it back. `withdrawn`: taken back because the server said so.
   */
  state: z.enum(['refused', 'failed', 'harmful', 'removed', 'withdrawn']),
  /** Codes with what was found, for people. */
  reasons: z.array(z.object({ code: z.string(), subject: z.string(), found: z.string() })),
  since: z.string(),
});
export type Outcome = z.infer<typeof Outcome>;

const Outcomes = z.object({ format: z.literal(1), outcomes: z.array(Outcome) });

export interface OutcomeList {
  list(): readonly Outcome[];
  /** In place of what was known of the same update. */
  note(outcome: Outcome): Promise<void>;
  /** It was applied, or is not wanted any more. */
  clear(id: string): Promise<void>;
}

export function openOutcomeList(places: Places, buildId: string): OutcomeList {
  const document: Document<z.infer<typeof Outcomes>> = openDocument(
    join(kernelFolder(places, buildId), 'outcomes.json'),
    Outcomes,
  );
  const list = () => document.read()?.outcomes ?? [];
  const others = (id: string) => list().filter((each) => each.id !== id);
  return {
    list,
    note: (outcome) => document.write({ format: 1, outcomes: [...others(outcome.id), outcome] }),
    async clear(id) {
      if (list().some((each) => each.id === id)) await document.write({ format: 1, outcomes: others(id) });
    },
  };
}
