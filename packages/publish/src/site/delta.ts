// From which published updates the next cumulative one is little more than a difference: the cumulative ones before it, whose files machines of
// the kernel have.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeDelta, hashContent, type Update } from '@resplice/update';
import { readUpdateTarget, type TargetDelta } from '@resplice/update/repository';
import type { Metadata, Targets } from '@tufjs/models';
import { fileOf } from './publication.js';
import type { Site } from './site.js';

/** Each is named in metadata that every machine reads. */
const MOST = 3;
/** A larger part of the whole is not worth a second file. */
const WORTH = 0.5;

export interface MadeDelta {
  readonly named: TargetDelta;
  readonly bytes: Uint8Array;
}

export async function makeDeltas(
  { manifest }: Update,
  archive: Uint8Array,
  published: Metadata<Targets> | undefined,
  site: Site,
): Promise<readonly MadeDelta[]> {
  const { cumulative, kernel } = manifest;
  if (cumulative === undefined) return [];
  const before = Object.values(published?.signed.targets ?? {})
    .map((target) => ({ target, info: readUpdateTarget(target) }))
    .filter(({ info }) => info.kernel.buildId === kernel.buildId)
    .flatMap(({ target, info }) =>
      info.cumulative !== undefined && info.cumulative.number < cumulative.number
        ? [{ target, number: info.cumulative.number }]
        : [],
    )
    .sort((a, b) => b.number - a.number)
    .slice(0, MOST);
  const made: MadeDelta[] = [];
  for (const { target } of before) {
    const base = await readPublishedFile(join(site.folder, 'public/targets', fileOf(target)));
    const from = target.hashes.sha256;
    if (base === undefined || from === undefined || hashContent(base) !== from) continue;
    const bytes = encodeDelta(base, archive);
    if (bytes.length > archive.length * WORTH) continue;
    made.push({ named: { from, length: bytes.length, sha256: hashContent(bytes) }, bytes });
  }
  return made;
}

async function readPublishedFile(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch {
    // Without it there is no delta, and machines fetch the whole file.
    return undefined;
  }
}
