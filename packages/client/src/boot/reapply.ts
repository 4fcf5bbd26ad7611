// At boot, before the network: what was active on this very build is applied again, from local files and nothing else. Each update is checked
// against the running kernel as always, so a kernel that changed underneath is refused and not patched.

import type { ApplyResult } from '@resplice/host';
import { type Reason, RespliceError, type Verdict } from '@resplice/report';
import { parseUpdate, type Update } from '@resplice/update';
import type { Client } from '../client.js';
import { beginWatch } from '../health/watch-list.js';
import { describeReasons, failureReason } from '../reported-reason.js';
import { openOutcomeList } from '../state/outcome-list.js';
import { openWantedSet, type WantedUpdate } from '../state/wanted-set.js';
import { forgiveBoots, nextBootNote, openBootNote } from './boot-guard.js';
import { findSwitchedOff, type SwitchedOff } from './switched-off.js';

/** How one update is applied; its archive is verified. */
export type Apply = (update: Update) => Promise<Verdict<ApplyResult>>;

export interface ReappliedUpdate {
  readonly id: string;
  readonly description: string;
  /** `failed`: its file is damaged, or applying ended with an error. `waits`: one that it requires could not be applied. */
  readonly state: 'applied' | 'already-applied' | 'refused' | 'failed' | 'waits';
  readonly result?: ApplyResult;
  readonly reasons?: readonly Reason[];
  /** Why it failed. */
  readonly error?: { readonly code: string; readonly message: string };
}

export interface BootResult {
  /** Why nothing was applied; undefined when everything wanted was at least tried. */
  readonly switchedOff: SwitchedOff | 'configuration' | undefined;
  readonly updates: readonly ReappliedUpdate[];
  /** Boots in a row that ended early before this one. */
  readonly endedEarly: number;
}

export interface BootOptions {
  readonly apply: Apply;
  /** Try again although the crash-loop guard switched it off. */
  readonly retry?: boolean;
}

/** Throws as the state's documents do. */
export async function reapplyWanted(client: Client, options: BootOptions): Promise<BootResult> {
  const { machine, places, kernel, bootId, configuration } = client;
  const note = openBootNote(places, kernel.buildId);
  if (options.retry === true) await forgiveBoots(note);
  const wanted = openWantedSet(places, kernel);
  const off = findSwitchedOff(machine, places, kernel.buildId);
  if (off !== undefined) return { switchedOff: off, updates: [], endedEarly: note.read()?.endedEarly ?? 0 };
  if (!configuration.reapplyAtBoot) return { switchedOff: 'configuration', updates: [], endedEarly: 0 };
  const list = wanted.list();
  if (list.length === 0) return { switchedOff: undefined, updates: [], endedEarly: 0 };

  const next = nextBootNote(note.read(), { bootId, now: machine.now() }, configuration.bootAttempts);
  await note.write(next);
  const { endedEarly } = next;
  if (next.switchedOff !== null) return { switchedOff: 'crash-loop', updates: [], endedEarly };
  const updates: ReappliedUpdate[] = [];
  const missing = new Set<string>();
  for (const each of list) {
    const { id, description } = each;
    if (client.signal?.aborted === true || each.requires.some((below) => missing.has(below))) {
      updates.push({ id, description, state: 'waits' });
      missing.add(id);
      continue;
    }
    const outcome = await reapplyOne(client, each, options.apply);
    updates.push({ id, description, ...outcome });
    if (outcome.state === 'refused' || outcome.state === 'failed') missing.add(id);
  }
  return { switchedOff: undefined, updates, endedEarly };
}

async function reapplyOne(
  client: Client,
  wanted: WantedUpdate,
  apply: Apply,
): Promise<Omit<ReappliedUpdate, 'id' | 'description'>> {
  const { machine, places, kernel } = client;
  const outcomes = openOutcomeList(places, kernel.buildId);
  const since = machine.now().toISOString();
  try {
    const archive = openWantedSet(places, kernel).readArchive(wanted);
    const marker = await beginWatch(client, wanted.id);
    const verdict = await apply(parseUpdate(archive, `the kept copy of ${wanted.id}`));
    if (!verdict.ok) {
      await marker.cancel();
      const reasons = describeReasons(verdict.reasons);
      await outcomes.note({ id: wanted.id, state: 'refused', reasons, since });
      return { state: 'refused', reasons: verdict.reasons };
    }
    if (verdict.value.state === 'already-applied') await marker.cancel();
    await outcomes.clear(wanted.id);
    return { state: verdict.value.state, result: verdict.value };
  } catch (error) {
    // The others must still be tried: a machine with most of its fixes is safer than one with none.
    if (!(error instanceof RespliceError)) throw error;
    await outcomes.note({ id: wanted.id, state: 'failed', reasons: [failureReason(error)], since });
    return { state: 'failed', error: { code: error.code, message: error.message } };
  }
}
