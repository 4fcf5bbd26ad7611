// A release as units that a compiler has confirmed: each built one compiles alone, or is joined with what it needs. An evaluation comes
// to the same units, for it asks the same of those that fail; what either has found out the other does not ask again.

import { availableParallelism } from 'node:os';
import { silentProgress } from '@resplice/report';
import type { WorkOptions } from '../debian/store.js';
import { type Complaint, parseComplaint } from '../split/complaint.js';
import { MentioningFiles } from '../split/mentioning-files.js';
import { settleUnits } from '../split/settle.js';
import { draftSplit, type ReleaseSplit, type SplitRequest } from '../split/split-release.js';
import type { DraftUnit } from '../split/unit.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import { keepSlots } from '../tree/slot.js';
import { checkUnit } from './check-unit.js';
import { isCompilerError } from './complaint-of.js';
import { openReleaseKernel, type ReleaseRange } from './release-kernel.js';
import { ResultStore } from './result-store.js';

export interface CheckedSplit extends ReleaseSplit {
  /** Units that do not compile alone and that nothing of the release helps, with the compiler's words. */
  readonly failing: readonly { readonly id: string; readonly complaint: string }[];
}

/** Splits a release and compiles each unit of it. */
export async function checkRelease(
  request: SplitRequest & ReleaseRange,
  options: WorkOptions = {},
): Promise<CheckedSplit> {
  const place = await openReleaseKernel(request, options);
  const { units: drafts, ...draft } = await draftSplit(request, options);
  const store = await ResultStore.open(place.directory, place.spec);
  const mentioning = new MentioningFiles(drafts.flatMap(({ atoms }) => atoms));
  const words = new Map<string, string>();
  const letSlotsGo = keepSlots(place.workshop.tree);
  const settled = await settleUnits(
    drafts,
    () => true,
    async (units, round) => {
      const complaints = new Map<string, Complaint>();
      await checkAll(units, { round, tree: place.workshop.tree, store, mentioning }, options, (id, text) => {
        words.set(id, text);
        if (text !== '') complaints.set(id, parseComplaint(text));
      });
      return complaints;
    },
  ).finally(letSlotsGo);
  const units = settled.map(({ unit }) => unit).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const failing = units.flatMap(({ id }) => {
    const complaint = words.get(id) ?? '';
    return complaint === '' ? [] : [{ id, complaint }];
  });
  return { ...draft, units, failing };
}

interface Checking {
  readonly round: number;
  readonly tree: PreparedTree;
  readonly store: ResultStore;
  readonly mentioning: MentioningFiles;
}

async function checkAll(
  units: readonly DraftUnit[],
  { round, tree, store, mentioning }: Checking,
  options: WorkOptions,
  onChecked: (id: string, text: string) => void,
): Promise<void> {
  const progress = options.progress ?? silentProgress;
  const quiet = { ...options, progress: silentProgress };
  const total = units.length;
  progress({ stage: 'check', state: 'start', detail: `round ${round}, ${total} units` });
  let done = 0;
  const queue = units.values();
  const work = async () => {
    for (const draft of queue) {
      options.signal?.throwIfAborted();
      const { unit } = draft;
      let text = await findKnown(unit, store);
      if (text === undefined) {
        text = await checkUnit(draft, tree, mentioning, quiet);
        await store.writeComplaint(unit, text);
      }
      onChecked(unit.id, text);
      const detail = `${unit.id}${text === '' ? '' : ': does not compile alone'}`;
      progress({ stage: 'check', state: 'update', detail, done: ++done, total, unit: 'tasks' });
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  progress({ stage: 'check', state: 'done', detail: `round ${round}, ${total} units` });
}

/** What an earlier check or evaluation has said. */
async function findKnown(unit: DraftUnit['unit'], store: ResultStore): Promise<string | undefined> {
  const complaint = await store.findComplaint(unit);
  if (complaint !== undefined) return complaint;
  const result = await store.find(unit, []);
  return result === undefined || isCompilerError(result) ? undefined : '';
}
