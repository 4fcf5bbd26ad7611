// An update as a target of the repository: where it lies, and what its signed metadata says about it. Path, metadata and the
// manifest inside say the same things three times; they are compared, so that an update for another kernel that lies under
// this one's name is recognised before and after it is downloaded.
//
// `linux-6.1/BUILD-ID/ID.splice`: the first segment is the kernel family, to which the operator delegates with keys of its
// own; the second is the build that the update is for, so a machine finds its updates by its own build id.

import { TargetFile } from '@tufjs/models';
import { z } from 'zod';
import type { Manifest } from '../manifest.js';
import { UpdateId } from '../manifest.js';
import { hashContent } from '../payload.js';
import { Cumulative } from './cumulative.js';
import { wrongTarget } from './refusal.js';
import { TargetDelta } from './target-delta.js';

export const Brings = z.object({ release: z.string().min(1), version: z.string().min(1) });
export type Brings = z.infer<typeof Brings>;

/** What stands in `custom` of a target. Unknown fields of later versions are ignored. */
export const UpdateTargetInfo = z.object({
  id: UpdateId,
  description: z.string(),
  cves: z.array(z.string()),
  kernel: z.object({ release: z.string(), version: z.string(), buildId: z.string() }),
  engine: z.string(),
  requires: z.array(UpdateId),
  /**
   * The later release of the kernel to whose security this update belongs: whoever has all updates that bring it, and all that bring
   * earlier ones, is as safe as that release. It is the publisher's word.
   */
  brings: Brings.optional(),
  /** As in the manifest. */
  cumulative: Cumulative.optional(),
  /** For machines that have the file with the hash `from`; see target-delta.ts. */
  deltas: z.array(TargetDelta).optional(),
});
export type UpdateTargetInfo = z.infer<typeof UpdateTargetInfo>;

/** `linux-6.1` of `6.1.0-47-amd64`; undefined when the release does not begin with two numbers. */
export function familyOf(release: string): string | undefined {
  const branch = /^(\d+\.\d+)(?:[.\-+]|$)/.exec(release)?.[1];
  return branch === undefined ? undefined : `linux-${branch}`;
}

/** The targets that a family's role may name. */
export function familyPattern(family: string): string {
  return `${family}/*/*.splice`;
}

export function updatePath(family: string, buildId: string, id: string): string {
  return `${family}/${buildId}/${id}.splice`;
}

/** The target for an update whose archive has these bytes. */
export function describeUpdateTarget(
  family: string,
  manifest: Manifest,
  bytes: Uint8Array,
  {
    brings,
    deltas = [],
  }: { readonly brings?: Brings | undefined; readonly deltas?: readonly TargetDelta[] } = {},
): TargetFile {
  const { id, description, cves, kernel, engine, requires, cumulative } = manifest;
  const { release, version, buildId } = kernel;
  const about = { id, description, cves, kernel: { release, version, buildId }, engine, requires };
  const custom = {
    ...about,
    ...(brings === undefined ? {} : { brings }),
    ...(cumulative === undefined ? {} : { cumulative }),
    ...(deltas.length === 0 ? {} : { deltas: [...deltas] }),
  };
  return new TargetFile({
    path: updatePath(family, buildId, id),
    length: bytes.length,
    hashes: { sha256: hashContent(bytes) },
    unrecognizedFields: { custom },
  });
}

/** What the target's metadata says of it. Throws TrustError `target-for-other-kernel` when that is not what its path says. */
export function readUpdateTarget(target: TargetFile): UpdateTargetInfo {
  const parsed = UpdateTargetInfo.safeParse(target.custom);
  if (!parsed.success)
    throw wrongTarget(
      target.path,
      `its metadata does not describe an update: ${z.prettifyError(parsed.error)}`,
    );
  const { kernel, id } = parsed.data;
  const family = familyOf(kernel.release) ?? '';
  const expected = updatePath(family, kernel.buildId, id);
  if (target.path !== expected) {
    throw wrongTarget(
      target.path,
      `its metadata says ${id} for ${kernel.release}, build id ${kernel.buildId}`,
    );
  }
  return parsed.data;
}

/** Throws TrustError `target-for-other-kernel` when the manifest inside is not what the metadata says. */
export function assertSameUpdate(path: string, info: UpdateTargetInfo, manifest: Manifest): void {
  const { id, kernel } = manifest;
  const same =
    id === info.id && kernel.buildId === info.kernel.buildId && kernel.release === info.kernel.release;
  if (!same) {
    throw wrongTarget(path, `it holds ${id} for ${kernel.release}, build id ${kernel.buildId}`);
  }
}
