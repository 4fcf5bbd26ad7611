// The updates that a repository has for one kernel build, in an order in which they can be applied.

import { InputError } from '@resplice/report';
import { parseUpdate, type Update } from '../archive.js';
import { type FindFile, makeOfDelta } from './target-delta.js';
import { downloadTarget, type FoundTarget, listTargets } from './target-search.js';
import type { TrustedMetadata } from './trusted-metadata.js';
import {
  assertSameUpdate,
  familyOf,
  readUpdateTarget,
  type UpdateTargetInfo,
  updatePath,
} from './update-target.js';

export interface AvailableUpdate {
  readonly info: UpdateTargetInfo;
  readonly found: FoundTarget;
}

export interface DownloadedUpdate {
  readonly update: Update;
  /** The .splice file as it was signed. */
  readonly archive: Uint8Array;
  /** Bytes that came from the repository for it: less than it has when it was made of a delta. */
  readonly fetched: number;
}

/** In the order of application: each behind those that it requires. Throws as listTargets and readUpdateTarget do. */
export async function listAvailableUpdates(
  trusted: TrustedMetadata,
  kernel: { readonly release: string; readonly buildId: string },
): Promise<readonly AvailableUpdate[]> {
  const family = familyOf(kernel.release);
  if (family === undefined) return [];
  const found = await listTargets(trusted, updatePath(family, kernel.buildId, 'sample'));
  return sortByNeed(found.map((each) => ({ info: readUpdateTarget(each.target), found: each })));
}

/** These and what they require. Throws InputError `no-such-update`. */
export function selectUpdates(
  available: readonly AvailableUpdate[],
  ids: readonly string[],
): readonly AvailableUpdate[] {
  const byId = new Map(available.map((each) => [each.info.id, each]));
  const wanted = new Set<string>();
  const add = (id: string): void => {
    if (wanted.has(id)) return;
    wanted.add(id);
    for (const below of byId.get(id)?.info.requires ?? []) add(below);
  };
  for (const id of ids) {
    if (!byId.has(id)) {
      const message = `the repository has no update ${JSON.stringify(id)} for this kernel; "resplice upgrade -n" lists those it has`;
      throw new InputError('no-such-update', message, { context: { id } });
    }
    add(id);
  }
  return available.filter(({ info }) => wanted.has(info.id));
}

/**
 * Downloaded, verified, and compared with what its metadata says. Throws as downloadTarget, parseUpdate, assertSameUpdate do.
 * @param findFile earlier updates that the machine has
 */
export async function downloadUpdate(
  trusted: TrustedMetadata,
  { info, found }: AvailableUpdate,
  findFile: FindFile = () => undefined,
): Promise<DownloadedUpdate> {
  const made = await makeOfDelta(trusted, found.target, info.deltas ?? [], findFile);
  const archive = made?.bytes ?? (await downloadTarget(trusted, found.target));
  const update = parseUpdate(archive, found.target.path);
  assertSameUpdate(found.target.path, info, update.manifest);
  return { update, archive, fetched: made?.fetched ?? archive.length };
}

/** By id, but each behind what it requires; what requires itself through others keeps its place: applying refuses it. */
function sortByNeed(updates: readonly AvailableUpdate[]): readonly AvailableUpdate[] {
  const byId = new Map(updates.map((each) => [each.info.id, each]));
  const sorted = new Set<AvailableUpdate>();
  const visit = (update: AvailableUpdate, above: ReadonlySet<string>): void => {
    if (sorted.has(update) || above.has(update.info.id)) return;
    for (const id of update.info.requires) {
      const below = byId.get(id);
      if (below !== undefined) visit(below, new Set([...above, update.info.id]));
    }
    sorted.add(update);
  };
  for (const update of updates) visit(update, new Set());
  return [...sorted];
}
