// A target by way of a file that the machine has: the signed metadata of an update names deltas (delta.ts) from the cumulative updates before it,
// with their length and hash. A delta is a help and no target of its own: what it makes has to be the target, and wherever one is missing,
// damaged or for nobody, the whole file is fetched. So nothing is believed that was not believed before, mirrors that have no deltas serve as well,
// and clients that know nothing of them see a target like any other.

import { posix } from 'node:path';
import type { TargetFile } from '@tufjs/models';
import { z } from 'zod';
import { applyDelta } from '../delta.js';
import { hashContent } from '../payload.js';
import { assertTarget } from './check.js';
import type { TrustedMetadata } from './trusted-metadata.js';

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const TargetDelta = z.object({
  /** Of the file that it begins with. */
  from: Sha256,
  length: z.number().int().positive(),
  /** Of the delta. */
  sha256: Sha256,
});
export type TargetDelta = z.infer<typeof TargetDelta>;

/** The bytes of the file with this hash, if the machine has it. */
export type FindFile = (sha256: string) => Uint8Array | undefined;

export interface MadeOfDelta {
  readonly bytes: Uint8Array;
  /** What had to be fetched for it. */
  readonly fetched: number;
}

/** Where the repository has it, below `targets/`: beside the target, under the hash of its content. */
export function locateDelta({ path }: Pick<TargetFile, 'path'>, { sha256 }: TargetDelta): string {
  return posix.join(posix.dirname(path), `${sha256}.delta`);
}

/** As it was signed; undefined when the source has none, or another one. Throws as the source does. */
export async function readDelta(
  { options: { source, signal } }: TrustedMetadata,
  target: TargetFile,
  delta: TargetDelta,
): Promise<Uint8Array | undefined> {
  // What costs as much as the target is no help.
  if (delta.length >= target.length) return undefined;
  const path = locateDelta(target, delta).split('/').map(encodeURIComponent).join('/');
  const bytes = await source.readTarget(path, { bytes: delta.length, signal });
  return bytes?.length === delta.length && hashContent(bytes) === delta.sha256 ? bytes : undefined;
}

/** The target, verified; undefined when it has to be fetched as a whole. Only an interruption throws. */
export async function makeOfDelta(
  trusted: TrustedMetadata,
  target: TargetFile,
  deltas: readonly TargetDelta[],
  findFile: FindFile,
): Promise<MadeOfDelta | undefined> {
  for (const delta of deltas) {
    const base = findFile(delta.from);
    if (base === undefined) continue;
    try {
      const fetched = await readDelta(trusted, target, delta);
      const bytes = fetched === undefined ? undefined : applyDelta(base, fetched, target.length);
      if (bytes === undefined) continue;
      assertTarget(target, bytes);
      return { bytes, fetched: delta.length };
    } catch {
      // The whole file says what is wrong with the source, if anything is.
      trusted.options.signal?.throwIfAborted();
    }
  }
  return undefined;
}
