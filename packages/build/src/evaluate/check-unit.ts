// Does a unit compile alone? Only the front end of the compiler runs (a third of the time), and all of its errors are collected: which
// object failed first must not decide what the unit is joined with. Of the thousands of objects that include a changed header, those are
// compiled that the release changes for the same names, and a few others.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RespliceError } from '@resplice/report';
import { findAffected } from '../create/affected.js';
import { customCodeFlags } from '../create/kmod-source.js';
import { patchSources, withPatchedSlot } from '../create/sources.js';
import type { WorkOptions } from '../debian/store.js';
import { parsePatch } from '../patch/diff-parser.js';
import { condenseErrors } from '../split/complaint.js';
import type { MentioningFiles } from '../split/mentioning-files.js';
import type { DraftUnit } from '../split/unit.js';
import { compileObjects } from '../tree/compile-objects.js';
import { mapParallel } from '../tree/compiler-run.js';
import type { PreparedTree } from '../tree/prepare-tree.js';

/** Of the objects that include a changed header and whose sources the release leaves alone, this many are compiled. */
const OTHER_INCLUDERS = 8;

/** Objects that are compiled before the errors so far are enough. */
const BATCH = 32;

/**
 * The compiler's errors; empty when the unit compiles, and when nothing of it is built.
 * @param mentioning of all atoms of the release
 */
export async function checkUnit(
  { unit, atoms }: DraftUnit,
  tree: PreparedTree,
  mentioning: MentioningFiles,
  options: WorkOptions,
): Promise<string> {
  const sources = await patchSources(tree, [parsePatch(unit.patch, `${unit.id}.patch`)]);
  const { direct, including, reasons } = await findAffected(tree, sources);
  if (reasons.length > 0 || direct.length + including.length === 0) return '';
  const related = mentioning.find(atoms);
  const isRelated = (object: string) => related.has(tree.database.find(object)?.source ?? '');
  const others = including.filter((object) => !isRelated(object));
  const objects = [...direct, ...including.filter(isRelated), ...drawEvenly(others, OTHER_INCLUDERS)];
  // Without `#line` directives, which make gcc show other lines than it means.
  const plain = new Map([...sources].map(([path, content]) => [path, { ...content, origins: [] }]));
  return withPatchedSlot(tree, plain, options, async (slot) => {
    for (let start = 0; start < objects.length; start += BATCH) {
      const batch = objects.slice(start, start + BATCH);
      const errors = await mapParallel(batch, undefined, options.signal, (object, signal) =>
        checkObject(tree, slot.directory, object, signal),
      );
      const text = condenseErrors(errors);
      if (text !== '') return text;
      const other = errors.find((each) => each !== '');
      if (other !== undefined) return other;
    }
    return '';
  });
}

function drawEvenly<T>(values: readonly T[], size: number): readonly T[] {
  const step = Math.max(1, values.length / size);
  return Array.from(
    { length: Math.min(size, values.length) },
    (_, at) => values[Math.floor(at * step)],
  ).filter((value) => value !== undefined);
}

async function checkObject(
  tree: PreparedTree,
  directory: string,
  object: string,
  signal: AbortSignal,
): Promise<string> {
  const output = await mkdtemp(join(tmpdir(), 'resplice-check-'));
  try {
    const extraFlags = ['-fsyntax-only', ...(await customCodeFlags())];
    await compileObjects(tree, { directory, objects: [object], output, extraFlags, signal });
    return '';
  } catch (error) {
    return complain(error);
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

const COMPILER = new Set(['does-not-compile', 'does-not-preprocess', 'source-missing']);

function complain(error: unknown): string {
  if (error instanceof RespliceError && COMPILER.has(error.code)) return error.message;
  throw error;
}
