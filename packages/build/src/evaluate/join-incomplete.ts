// The units of a release that do not stand alone, joined with what they need, when others have judged them one by one (packages/factory). It
// is the same settling as an evaluation's, replayed with the answers that there are: a joined unit that nobody has judged yet ends it, and
// whoever judges that one asks again. So nothing has to be remembered between two runs but the answers.

import type { WorkOptions } from '../debian/store.js';
import { type Complaint, parseComplaint } from '../split/complaint.js';
import { MentioningFiles } from '../split/mentioning-files.js';
import { settleUnits } from '../split/settle.js';
import { draftSplit, type SplitRequest } from '../split/split-release.js';
import type { DraftUnit, ReleaseUnit } from '../split/unit.js';
import { keepSlots } from '../tree/slot.js';
import { checkUnit } from './check-unit.js';
import { complaintOf, isCompilerError } from './complaint-of.js';
import type { UnitReason } from './evaluation.js';
import { openReleaseKernel, type ReleaseRange } from './release-kernel.js';

/** Unit id → why it is refused; no reasons for one that is not. */
export type UnitAnswers = ReadonlyMap<string, readonly UnitReason[]>;

/** Whether reasons say that the unit may only lack another one of its release. */
export function isIncomplete(reasons: readonly UnitReason[], files: readonly string[]): boolean {
  return complaintOf({ reasons, files }) !== undefined;
}

/** Joined units that nobody has answered for yet; empty when the release can help none of the incomplete ones. */
export async function joinIncomplete(
  request: SplitRequest & ReleaseRange,
  answers: UnitAnswers,
  options: WorkOptions = {},
): Promise<readonly ReleaseUnit[]> {
  const { workshop } = await openReleaseKernel(request, options);
  const { units } = await draftSplit(request, options);
  const mentioning = new MentioningFiles(units.flatMap(({ atoms }) => atoms));
  const letSlotsGo = keepSlots(workshop.tree);
  const complain = async (draft: DraftUnit): Promise<Complaint | undefined> => {
    const { unit } = draft;
    const reasons = answers.get(unit.id) ?? [];
    const first = complaintOf({ reasons, files: unit.files });
    if (first === undefined || !isCompilerError({ reasons })) return first;
    // All errors, not those of the object that happened to fail first.
    const text = await checkUnit(draft, workshop.tree, mentioning, options);
    return text === '' ? first : parseComplaint(text);
  };
  const settled = await settleUnits(
    units,
    ({ unit }) => answers.has(unit.id),
    async (asked) => {
      const complaints = new Map<string, Complaint>();
      for (const draft of asked) {
        const complaint = await complain(draft);
        if (complaint !== undefined) complaints.set(draft.unit.id, complaint);
      }
      return complaints;
    },
  ).finally(letSlotsGo);
  return settled.map(({ unit }) => unit).filter(({ id, joined }) => joined.length > 0 && !answers.has(id));
}
