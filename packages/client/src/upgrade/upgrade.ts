// From a repository to this machine, with memory: what shall be gone is taken back, what is to be applied is first kept and wanted (so that a
// power cut in the middle ends, at the next boot, where it was going), then applied, and from then on watched.

import { readArchive, type UpgradeResult, upgradeMachine } from '@resplice/host';
import type { DesiredState } from '@resplice/protocol';
import { type Reason, RespliceError, refuse } from '@resplice/report';
import { encodeUpdate, parseUpdate } from '@resplice/update';
import type { TrustedMetadata } from '@resplice/update/repository';
import type { Apply } from '../boot/reapply.js';
import type { Client } from '../client.js';
import { beginWatch } from '../health/watch-list.js';
import { describeReasons, failureReason } from '../reported-reason.js';
import { openKnownUpdates } from '../state/known-updates.js';
import { openOutcomeList } from '../state/outcome-list.js';
import { openWantedSet } from '../state/wanted-set.js';
import { type Choice, chooseUpdates } from './choice.js';
import { listRemovable, type TakenBack, takeBack, type Undo } from './take-back.js';

export interface ClientUpgradeOptions {
  readonly apply: Apply;
  readonly undo: Undo;
  /** Only these and what they require. */
  readonly ids?: readonly string[];
  readonly desired?: DesiredState | undefined;
  readonly automatic?: boolean;
  /** Tells what would be done; changes and remembers nothing. */
  readonly dryRun?: boolean;
}

export interface ClientUpgrade extends UpgradeResult {
  readonly removed: readonly TakenBack[];
}

/** The caller holds the client's lock and has asked `checkSwitchedOff`. Throws what upgradeMachine and the state's documents throw. */
export async function upgradeClient(
  client: Client,
  trusted: TrustedMetadata,
  options: ClientUpgradeOptions,
): Promise<ClientUpgrade> {
  const { machine, places, kernel } = client;
  const { ids = [], desired, automatic = false, dryRun = false } = options;
  const outcomes = openOutcomeList(places, kernel.buildId);
  const choice: { made: Choice | undefined } = { made: undefined };
  const refused = new Map<string, readonly Reason[]>();
  const gone = new Set(ids.length === 0 ? desired?.remove : []);
  const removable = listRemovable(client).filter((id) => gone.has(id));
  const removed = dryRun ? [] : await takeBack(client, removable, options.undo, 'withdrawn');
  const result = await upgradeMachine(machine, trusted, {
    progress: client.progress,
    signal: client.signal,
    dryRun,
    refused,
    choose: (available) => {
      choice.made = chooseUpdates(available, {
        ids,
        desired,
        outcomes: outcomes.list(),
        automatic,
        now: machine.now(),
      });
      for (const [id, reasons] of choice.made.refused) refused.set(id, reasons);
      return choice.made.chosen;
    },
    apply: (update) => applyAndKeep(client, update, options.apply),
  });
  if (!dryRun) await remember(client, result);
  return { ...result, removed };
}

/** Asks nothing of the kernel: what the repository has is written down for `status`, `check` and reports. */
export async function rememberKnown(client: Client, available: UpgradeResult['available']): Promise<void> {
  const updates = available.map(({ id, description, cves, engine, brings, cumulative }) => ({
    ...{ id, description, cves, engine },
    ...(brings === undefined ? {} : { brings }),
    ...(cumulative === undefined ? {} : { cumulative }),
  }));
  const seen = client.machine.now().toISOString();
  await openKnownUpdates(client.places, client.kernel.buildId).write({ format: 1, seen, updates });
}

export async function applyAndKeep(
  client: Client,
  update: Parameters<Apply>[0],
  apply: Apply,
): Promise<Awaited<ReturnType<Apply>>> {
  const { machine, places, kernel } = client;
  const { manifest } = update;
  // Only a file for this very build may be kept for its next boot; what the check would refuse is refused before anything is written.
  if (manifest.kernel.buildId !== kernel.buildId) return apply(update);
  const wanted = openWantedSet(places, kernel);
  const outcomes = openOutcomeList(places, kernel.buildId);
  const since = machine.now().toISOString();
  const wasWanted = wanted.list().some(({ id }) => id === manifest.id);
  const note = async (state: 'refused' | 'failed', reasons: ReturnType<typeof describeReasons>) => {
    if (!wasWanted) await wanted.remove(manifest.id);
    await outcomes.note({ id: manifest.id, state, reasons, since });
  };
  const watch = await beginWatch(client, manifest.id);
  await wanted.add(manifest, encodeUpdate(update), machine.now());
  try {
    const verdict = await apply(update);
    if (verdict.ok) {
      await outcomes.clear(manifest.id);
      // What it took the place of is not to come back at the next boot.
      for (const id of verdict.value.replaced) await wanted.remove(id);
      if (verdict.value.state === 'already-applied') await watch.cancel();
      return verdict;
    }
    await watch.cancel();
    await note('refused', describeReasons(verdict.reasons));
    return refuse(verdict.reasons);
  } catch (error) {
    if (error instanceof RespliceError) await note('failed', [failureReason(error)]);
    throw error;
  }
}

/** What was applied before without being kept, such as by hand, is wanted from now on as well: the repository vouches for it. */
async function remember(client: Client, result: UpgradeResult): Promise<void> {
  const { machine, places, kernel } = client;
  const wanted = openWantedSet(places, kernel);
  for (const { id, state } of result.updates) {
    const archive = state === 'already-applied' ? readArchive(machine, id) : undefined;
    if (archive === undefined) continue;
    await wanted.add(parseUpdate(archive, id).manifest, archive, machine.now());
    await openOutcomeList(places, kernel.buildId).clear(id);
  }
  await rememberKnown(client, result.available);
}
