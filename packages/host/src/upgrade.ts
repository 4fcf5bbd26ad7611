// From a repository to the running kernel: which of its updates are for this build, all of them downloaded and verified, then
// applied one after the other. Nothing is applied before the last one is verified: whoever serves one bad file may serve
// others. What is applied already, with the same contents, is neither downloaded nor touched, so a run of cron costs two
// small files.

import {
  EnvironmentError,
  type ProgressSink,
  type Reason,
  silentProgress,
  type Verdict,
  withStage,
} from '@resplice/report';
import { hashContent, type Update } from '@resplice/update';
import {
  type AvailableUpdate,
  type DownloadedUpdate,
  downloadUpdate,
  listAvailableUpdates,
  type TrustedMetadata,
  type UpdateTargetInfo,
} from '@resplice/update/repository';
import type { ApplyResult } from './apply.js';
import { readEnvironment } from './kernel/environment.js';
import type { Machine } from './machine/machine.js';
import { readArchive } from './state/record.js';
import { listUpdates } from './update-status.js';

export interface RunningKernel {
  readonly release: string;
  readonly buildId: string;
}

export interface UpgradeOptions {
  /** How one update is applied; its archive is verified. */
  readonly apply: (update: Update) => Promise<Verdict<ApplyResult>>;
  readonly progress?: ProgressSink | undefined;
  /** Aborted, the update at hand is taken back by `apply`, and no further one begun. */
  readonly signal?: AbortSignal | undefined;
  /** Which of them, in the same order; all without it. */
  readonly choose?: (available: readonly AvailableUpdate[]) => readonly AvailableUpdate[];
  /** Not to be applied, and why; what requires them waits. */
  readonly refused?: ReadonlyMap<string, readonly Reason[]>;
  /** Tells what would be done, and downloads and applies nothing. */
  readonly dryRun?: boolean;
}

export interface UpgradedUpdate {
  readonly id: string;
  readonly description: string;
  readonly cves: readonly string[];
  /** `available` in a dry run; `waits`: an update that it requires was refused. */
  readonly state: 'applied' | 'already-applied' | 'available' | 'refused' | 'waits';
  readonly result?: ApplyResult;
  readonly reasons?: readonly Reason[];
  /** Bytes that came from the repository for it; fewer than the file has when it was made of an earlier update. */
  readonly fetched?: number;
}

export interface UpgradeResult {
  readonly kernel: RunningKernel;
  readonly updates: readonly UpgradedUpdate[];
  /** Applied here, and not, or no longer, in the repository. */
  readonly unpublished: readonly string[];
  /** All that the repository has for this kernel. */
  readonly available: readonly UpdateTargetInfo[];
}

/** Throws EnvironmentError `kernel-unknown`. */
export function readRunningKernel(machine: Machine): RunningKernel {
  const { release, buildId } = readEnvironment(machine);
  if (buildId !== undefined) return { release, buildId };
  const message =
    'this kernel does not tell its build id in /sys/kernel/notes; boot a stock Debian kernel and mount sysfs';
  throw new EnvironmentError('kernel-unknown', message);
}

/** Throws what the repository, `choose` and `apply` throw. */
export async function upgradeMachine(
  machine: Machine,
  trusted: TrustedMetadata,
  options: UpgradeOptions,
): Promise<UpgradeResult> {
  const { choose = (all) => all, refused = new Map(), dryRun = false } = options;
  const kernel = readRunningKernel(machine);
  const available = await listAvailableUpdates(trusted, kernel);
  const chosen = choose(available);
  const applied = listUpdates(machine).filter(({ state }) => state === 'applied');
  const published = new Set(available.map(({ info }) => info.id));
  const unpublished = applied.map(({ id }) => id).filter((id) => !published.has(id));
  const done = new Set(
    chosen
      .filter((each) => applied.some(({ id }) => id === each.info.id) && isSame(machine, each))
      .map(({ info }) => info.id),
  );
  const left = chosen.filter(({ info }) => !done.has(info.id) && !refused.has(info.id));
  const downloads = dryRun
    ? new Map()
    : await downloadAll(trusted, left, {
        ...options,
        have: applied.map(({ id }) => readArchive(machine, id)),
      });
  const updates: UpgradedUpdate[] = [];
  const failed = new Set<string>();
  for (const { info } of chosen) {
    const { id, description, cves } = info;
    const about = { id, description, cves };
    const download = downloads.get(id);
    const reasons = refused.get(id);
    if (done.has(id)) updates.push({ ...about, state: 'already-applied' });
    else if (reasons !== undefined) {
      failed.add(id);
      updates.push({ ...about, state: 'refused', reasons });
    } else if (download === undefined) updates.push({ ...about, state: 'available' });
    else if (info.requires.some((below) => failed.has(below)) || options.signal?.aborted === true) {
      failed.add(id);
      updates.push({ ...about, state: 'waits' });
    } else {
      const outcome = await applyDownloaded(download, options);
      if (outcome.state === 'refused') failed.add(id);
      updates.push({ ...about, ...outcome, fetched: download.fetched });
    }
  }
  return { kernel, updates, unpublished, available: available.map(({ info }) => info) };
}

async function downloadAll(
  trusted: TrustedMetadata,
  chosen: readonly AvailableUpdate[],
  {
    progress = silentProgress,
    have,
  }: UpgradeOptions & { readonly have: readonly (Uint8Array | undefined)[] },
): Promise<ReadonlyMap<string, DownloadedUpdate>> {
  const files = new Map(
    have.flatMap((file) => (file === undefined ? [] : [[hashContent(file), file] as const])),
  );
  const downloads = new Map<string, DownloadedUpdate>();
  for (const each of chosen) {
    const { id } = each.info;
    const download = () => downloadUpdate(trusted, each, (sha256) => files.get(sha256));
    downloads.set(id, await withStage(progress, 'download', id, download));
  }
  return downloads;
}

async function applyDownloaded(
  { update }: DownloadedUpdate,
  { apply }: UpgradeOptions,
): Promise<Pick<UpgradedUpdate, 'state' | 'result' | 'reasons'>> {
  const verdict = await apply(update);
  if (!verdict.ok) return { state: 'refused', reasons: verdict.reasons };
  return { state: verdict.value.state, result: verdict.value };
}

/** Whether the archive that was applied is the one that is published. Without it, applying tells. */
function isSame(machine: Machine, { info, found }: AvailableUpdate): boolean {
  const archive = readArchive(machine, info.id);
  if (archive === undefined) return false;
  return hashContent(archive) === found.target.hashes.sha256;
}
