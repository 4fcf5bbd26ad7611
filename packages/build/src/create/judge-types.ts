// The stage that keeps new code from reading objects that old code made too small or in another shape. Text tells which types a patch
// touches; for these a changed object is compiled once more, before and after, with debug information, and pahole's BTF gives the layouts.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareType, findTouchedTypes, livesOnStackOnly, parseBtf, type TypeChange } from '@resplice/engine';
import type { Reason } from '@resplice/report';
import { runCommand } from '../debian/command.js';
import type { WorkOptions } from '../debian/store.js';
import { compileObjects } from '../tree/compile-objects.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { Slot } from '../tree/slot.js';
import type { ComparedObject } from './compare.js';
import type { PatchedSources } from './sources.js';

/** A header's type is looked for in this many changed objects; the first that has it decides. */
const MAX_OBJECTS = 16;

interface TouchedType {
  readonly tag: string;
  readonly file: string;
}

/** Reasons against types that the patch changes and that code of the update uses. */
export async function judgeTypes(
  tree: PreparedTree,
  slot: Slot,
  change: { readonly sources: PatchedSources; readonly compared: readonly ComparedObject[] },
  options: WorkOptions,
): Promise<readonly Reason[]> {
  // The author's RESPLICE_HANDLES_TYPE(tag, why) says that custom code deals with existing objects; the manifest records it.
  const statements = change.compared.flatMap(({ diff }) => diff.custom.statements);
  const handled = new Set(statements.filter(({ kind }) => kind === 'handles-type').map(({ name }) => name));
  let open = findTouched(change.sources).filter(({ tag }) => !handled.has(tag));
  const objects = [...new Map(change.compared.map((object) => [object.name, object.source]))];
  const reasons: Reason[] = [];
  for (const [object, source] of objects.slice(0, MAX_OBJECTS)) {
    const wanted = open.filter(({ file }) => file === source || file.endsWith('.h'));
    if (wanted.length === 0) continue;
    const found = await compareIn(tree, slot, object, wanted, options);
    open = open.filter((type) => !found.has(type));
    for (const [type, result] of found) reasons.push(...explain(type, result));
  }
  return reasons;
}

function findTouched(sources: PatchedSources): readonly TouchedType[] {
  return [...sources].flatMap(([file, { before, after }]) => {
    if (!/\.[ch]$/.test(file) || before === null || after === null) return [];
    const [old, patched] = [Buffer.from(before).toString('latin1'), Buffer.from(after).toString('latin1')];
    const tags = findTouchedTypes(old, patched);
    return tags
      .filter((tag) => file.endsWith('.h') || !livesOnStackOnly(old, tag))
      .map((tag) => ({ tag, file }));
  });
}

async function compareIn(
  tree: PreparedTree,
  slot: Slot,
  object: string,
  wanted: readonly TouchedType[],
  options: WorkOptions,
): Promise<ReadonlyMap<TouchedType, TypeChange>> {
  const output = await mkdtemp(join(tmpdir(), 'resplice-types-'));
  try {
    const [before, after] = await Promise.all([
      readTypes(tree, tree.directory, object, join(output, 'before'), options),
      readTypes(tree, slot.directory, object, join(output, 'after'), options),
    ]);
    return new Map(
      wanted.flatMap((type) => {
        const change = compareType(before, after, type.tag);
        return change === undefined ? [] : [[type, change] as const];
      }),
    );
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

async function readTypes(
  tree: PreparedTree,
  directory: string,
  object: string,
  output: string,
  { signal }: WorkOptions,
) {
  const request = { directory, objects: [object], output, debug: true, extraFlags: [] };
  const [compiled] = await compileObjects(tree, { ...request, ...(signal === undefined ? {} : { signal }) });
  const file = `${compiled?.file}.btf`;
  await runCommand('pahole', ['-J', `--btf_encode_detached=${file}`, compiled?.file ?? ''], { signal });
  return parseBtf(await readFile(file), { file: `types of ${object}` });
}

function explain({ tag, file }: TouchedType, { kind, found }: TypeChange): readonly Reason[] {
  const subject = { file, symbol: tag };
  if (kind === 'layout') return [{ code: 'changed-type-layout', subject, found }];
  if (kind === 'initial-value') return [{ code: 'type-needs-initial-value', subject, found }];
  return [];
}
