// Which file of the tree a part of a patch means. With git's a/ and b/ it is written there; otherwise (`diff -ru old new`,
// quilt with -p0) the names are tried as they stand and without their first part, and the reading under which every file
// exists is taken for the whole patch. patch(1) guesses per file and asks; a tool must not.

import { InputError } from '@resplice/report';
import type { PatchedFile, PatchFile } from './patch-model.js';
import { stripFirstPart } from './patch-path.js';

export interface PatchTarget {
  readonly from: string | null;
  readonly to: string | null;
}

type Exists = (path: string) => Promise<boolean>;

/**
 * The paths of each file of the patch in the tree, in the order of `patch.files`.
 * @throws InputError `patch-path-unknown` when no reading of the names fits the tree.
 */
export async function findTargets(patch: PatchFile, exists: Exists): Promise<PatchTarget[]> {
  const strip = await findStrip(patch, exists);
  const targets: PatchTarget[] = [];
  for (const file of patch.files) {
    const target = file.prefixKnown
      ? { from: file.oldPath, to: file.newPath }
      : { from: strip(file.oldPath), to: strip(file.newPath) };
    targets.push(file.kind === 'modify' ? await findExisting(target, exists) : target);
  }
  return targets;
}

type Strip = (path: string | null) => string | null;

const asWritten: Strip = (path) => path;
const withoutFirst: Strip = (path) => (path === null ? null : (stripFirstPart(path) ?? path));

async function findStrip(patch: PatchFile, exists: Exists): Promise<Strip> {
  const open = patch.files.filter((file) => !file.prefixKnown);
  if (open.length === 0) return asWritten;
  const known = open.filter((file) => file.kind !== 'create');
  for (const strip of [asWritten, withoutFirst]) {
    if (known.length > 0 && (await isEachThere(known, strip, exists))) return strip;
  }
  const names = [...new Set(open.map((file) => file.oldPath ?? file.newPath ?? ''))];
  throw new InputError(
    'patch-path-unknown',
    `${patch.name}: cannot tell which files of the kernel tree are meant by ${names.slice(0, 3).join(', ')}` +
      `${names.length > 3 ? ', …' : ''}: ${known.length === 0 ? 'all are new' : 'not all exist, with or without the first part of the name'}; ` +
      'make the patch with git diff, or from directories named a and b, at the top of the tree',
    { context: { patch: patch.name, files: names } },
  );
}

async function isEachThere(files: readonly PatchedFile[], strip: Strip, exists: Exists): Promise<boolean> {
  for (const file of files) {
    const candidates = [strip(file.oldPath), strip(file.newPath)];
    const there = await Promise.all(candidates.map(async (path) => path !== null && (await exists(path))));
    if (!there.includes(true)) return false;
  }
  return true;
}

/** `diff -u sock.c.orig sock.c` names two files for one; the one that exists is meant, the new name first. */
async function findExisting({ from, to }: PatchTarget, exists: Exists): Promise<PatchTarget> {
  if (from === to || from === null || to === null) return { from, to };
  const path = !(await exists(to)) && (await exists(from)) ? from : to;
  return { from: path, to: path };
}
