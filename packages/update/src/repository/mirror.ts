// A copy of a repository for a site that cannot reach it, in the form in which it is served: a folder for a web server, a USB
// stick or `resplice upgrade --from`. What is copied is verified as a client would; whoever installs from it verifies it again.
//
// The timestamp is written last, so the copy is always one whole state. Files that clients of an older state need stay.

import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EnvironmentError, type ProgressSink, silentProgress, withStage } from '@resplice/report';
import type { TargetFile } from '@tufjs/models';
import { writeDurably } from '../durable-file.js';
import { hashContent } from '../payload.js';
import { assertTarget } from './check.js';
import { locateDelta, readDelta } from './target-delta.js';
import { downloadTarget, findTarget, listRoles, locateTarget } from './target-search.js';
import { nameFile, type TrustedMetadata } from './trusted-metadata.js';
import { UpdateTargetInfo } from './update-target.js';

export interface MirrorResult {
  readonly targets: number;
  /** Of these, how many were not there before. */
  readonly downloaded: number;
  readonly bytes: number;
  /** When the copy has to be made again at the latest. */
  readonly expires: string;
}

/** Throws as downloadTarget does, and EnvironmentError `mirror-not-writable`. */
export async function mirrorRepository(
  trusted: TrustedMetadata,
  folder: string,
  progress: ProgressSink = silentProgress,
): Promise<MirrorResult> {
  const roles = await listRoles(trusted);
  const targets = new Map<string, TargetFile>();
  for (const { file } of roles) {
    for (const path of Object.keys(file.metadata.signed.targets)) {
      // A role may name what it may not speak for; clients do not see it, and neither does the copy.
      const found = targets.has(path) ? undefined : await findTarget(trusted, path);
      if (found !== undefined) targets.set(path, found.target);
    }
  }
  let [downloaded, bytes] = [0, 0];
  await withStage(progress, 'mirror', folder, async () => {
    for (const [index, target] of [...targets.values()].entries()) {
      progress({ stage: 'mirror', state: 'update', done: index, total: targets.size, unit: 'files' });
      bytes += target.length;
      if (await copyTarget(trusted, target, folder)) downloaded += 1;
      bytes += await copyDeltas(trusted, target, folder);
    }
  });
  const { root, roots, snapshot, timestamp } = trusted;
  const meta = snapshot.metadata.signed.meta;
  const files = [
    ...roots.map((each) => [`${each.metadata.signed.version}.root.json`, each.bytes] as const),
    ...roles.flatMap(({ role, file }) => {
      const recorded = meta[`${role}.json`];
      return recorded === undefined ? [] : [[nameFile(root.metadata, recorded, role), file.bytes] as const];
    }),
    [nameFile(root.metadata, timestamp.metadata.signed.snapshotMeta, 'snapshot'), snapshot.bytes] as const,
    ['timestamp.json', timestamp.bytes] as const,
  ];
  for (const [name, content] of files) await writeCopy(join(folder, 'metadata', name), content);
  const { expires } = timestamp.metadata.signed;
  return { targets: targets.size, downloaded, bytes, expires };
}

/** Whether it had to be downloaded. */
async function copyTarget(trusted: TrustedMetadata, target: TargetFile, folder: string): Promise<boolean> {
  const segments = locateTarget(trusted.root.metadata, target).split('/').map(decodeURIComponent);
  const path = join(folder, 'targets', ...segments);
  try {
    assertTarget(target, await readFile(path));
    return false;
  } catch {
    // Not there yet, or damaged: it is downloaded.
    await writeCopy(path, await downloadTarget(trusted, target));
    return true;
  }
}

/** A repository without them is whole. Returns their bytes. */
async function copyDeltas(trusted: TrustedMetadata, target: TargetFile, folder: string): Promise<number> {
  let bytes = 0;
  for (const delta of UpdateTargetInfo.safeParse(target.custom).data?.deltas ?? []) {
    const path = join(folder, 'targets', ...locateDelta(target, delta).split('/'));
    if (!(await isSame(path, delta.sha256))) {
      const content = await readDelta(trusted, target, delta);
      if (content === undefined) continue;
      await writeCopy(path, content);
    }
    bytes += delta.length;
  }
  return bytes;
}

async function isSame(path: string, sha256: string): Promise<boolean> {
  try {
    return hashContent(await readFile(path)) === sha256;
  } catch {
    // Not there yet.
    return false;
  }
}

async function writeCopy(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeDurably(path, bytes);
  } catch (cause) {
    const message = `${path}: cannot be written; check that the folder is writable and not full`;
    throw new EnvironmentError('mirror-not-writable', message, { context: { file: path }, cause });
  }
}
