// The stage that keeps new code from reading objects that old code made too small or in another shape. Text tells whether a patch can change
// a type at all; for changed objects where it can, BTF of both sides tells what every named type becomes; and the text of all files that mention
// a changed type tells where its objects live.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Btf,
  type ComparedTypes,
  compareTypes,
  findEnum,
  findRecordIds,
  isKernelObject,
  isWireFormat,
} from '@resplice/engine';
import type { Reason } from '@resplice/report';
import type { WorkOptions } from '../debian/store.js';
import type { PatchFile } from '../patch/patch-model.js';
import { parseKernelConfig } from '../tree/kernel-config.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { Slot } from '../tree/slot.js';
import type { ComparedObject } from './compare.js';
import { withUnloaded } from './fresh-modules.js';
import { type ObjectTypes, readObjectTypes } from './object-types.js';
import { placeNewMembers } from './place-members.js';
import type { PatchedSources } from './sources.js';
import { findTouched, type TouchedTypes } from './touched-types.js';
import {
  explainFinding,
  type FoundEnum,
  type FoundRecord,
  type TypeFinding,
  TypeJudge,
} from './type-finding.js';
import { TypeTexts } from './type-texts.js';

export interface JudgedTypes {
  readonly findings: readonly TypeFinding[];
  readonly reasons: readonly Reason[];
  /** With this patch on top, new members lie in bytes that existing objects have; undefined when that cannot be. */
  readonly correction: PatchFile | undefined;
}

interface TypeRequest {
  readonly sources: PatchedSources;
  readonly compared: readonly ComparedObject[];
  /** Modules may be required not to be loaded. */
  readonly mayRequireUnloaded: boolean;
  /** Object and source; those compared when left out. */
  readonly objects?: readonly (readonly [name: string, source: string])[];
}

/** Judges every type that the patch changes and that changed code has. */
export async function judgeTypes(
  tree: PreparedTree,
  slot: Slot,
  change: TypeRequest,
  options: WorkOptions,
): Promise<JudgedTypes> {
  const objects = change.objects ?? [...new Map(change.compared.map(({ name, source }) => [name, source]))];
  const touched = await findTouched(
    tree,
    change.sources,
    objects.map(([name]) => name),
  );
  const looked = await lookAtObjects(touched, objects, (object) =>
    readObjectTypes(tree, slot, object, options),
  );
  if (looked.records.size + looked.enums.size === 0)
    return { findings: [], reasons: [], correction: undefined };
  const texts = await TypeTexts.open(tree, change.sources, touched, listWords(looked));
  const addsState = findAddedState(looked, texts);
  const judge = new TypeJudge(change.compared, texts, {
    clearsMemory: await clearsMemory(tree),
    addsState,
  });
  const judged = [
    ...[...looked.records.values()].map((found) => judge.record(found)),
    ...[...looked.enums].map(([type, found]) => judge.enumerators(type, found)),
  ];
  const refused = judged.flatMap(explainFinding);
  const correction =
    refused.length === 0 ? undefined : await placeNewMembers(change.sources, judged, texts.all, addsState);
  const findings = change.mayRequireUnloaded
    ? judged.map((finding) => withUnloaded(finding, change.compared, tree.database))
    : judged;
  const reasons = findings.flatMap(explainFinding);
  return { findings, reasons, correction };
}

interface LookedAt {
  readonly records: ReadonlyMap<string, FoundRecord>;
  readonly enums: ReadonlyMap<string, FoundEnum>;
}

/** Whether the patch brings a place where state of existing objects may be looked for: a member, an enumerator, a macro that names a bit. */
function findAddedState({ records, enums }: LookedAt, { patched }: TypeTexts): boolean {
  const isAdded = ({ change }: FoundRecord) => change.members.some((member) => member.change === 'added');
  const listMacros = (texts: readonly string[]) =>
    new Set(texts.flatMap((text) => [...text.matchAll(/^\s*#\s*define\s+(\w+)/gm)].map(([, name]) => name)));
  const known = listMacros(patched.before);
  return (
    [...records.values()].some(isAdded) ||
    [...enums.values()].some(({ added }) => added.length > 0) ||
    [...listMacros(patched.after)].some((name) => !known.has(name))
  );
}

function listWords({ records, enums }: LookedAt): readonly string[] {
  const types = [...records.keys(), ...enums.keys()].flatMap((type) => type.match(/\w+/g) ?? []);
  const values = [...enums.values()].flatMap(({ renumbered }) => renumbered.map(({ name }) => name));
  return [...new Set([...types, ...values])].filter((word) => !/^(?:struct|union|enum)$/.test(word));
}

/** Sources that change themselves first; then, while a type of a header has not been met, the others. */
async function lookAtObjects(
  touched: TouchedTypes,
  objects: readonly (readonly [name: string, source: string])[],
  read: (object: string) => Promise<ObjectTypes>,
): Promise<LookedAt> {
  const records = new Map<string, FoundRecord>();
  const enums = new Map<string, FoundEnum>();
  const open = new Set(touched.tags);
  const ordered = objects.toSorted(
    ([, a], [, b]) => Number(touched.sources.has(b)) - Number(touched.sources.has(a)),
  );
  for (const [object, source] of ordered) {
    if (!touched.sources.has(source) && !touched.everywhere && open.size === 0) continue;
    const { before, after } = await read(object);
    const types = compareTypes(before, after);
    for (const tag of [...open]) if (hasType(before, tag)) open.delete(tag);
    for (const change of types.records) {
      const known = records.get(change.type);
      if (known !== undefined) known.objects.push(object);
      else
        records.set(change.type, {
          change,
          objects: [object],
          wireFormat: isWire(before, after, change.type),
          internal: isInternal(before, change.type),
        });
    }
    addEnums(enums, types, object);
  }
  return { records, enums };
}

function hasType(btf: Btf, tag: string): boolean {
  if (!tag.startsWith('enum ')) return findRecordIds(btf).has(tag);
  return findEnum(btf, tag.slice('enum '.length)) !== undefined;
}

function isWire(before: Btf, after: Btf, type: string): boolean {
  return [before, after].every((btf) =>
    (findRecordIds(btf).get(type) ?? []).every((id) => isWireFormat(btf, id)),
  );
}

function isInternal(btf: Btf, type: string): boolean {
  return (findRecordIds(btf).get(type) ?? []).every((id) => isKernelObject(btf, id));
}

function addEnums(enums: Map<string, FoundEnum>, { renumbered, added }: ComparedTypes, object: string): void {
  for (const type of new Set([...renumbered.map((each) => each.type), ...added.keys()])) {
    const known = enums.get(type);
    if (known !== undefined) known.objects.push(object);
    else
      enums.set(type, {
        renumbered: renumbered.filter((each) => each.type === type),
        added: added.get(type) ?? [],
        objects: [object],
      });
  }
}

async function clearsMemory(tree: PreparedTree): Promise<boolean> {
  const config = await readFile(join(tree.directory, '.config'), 'utf8');
  return parseKernelConfig(config).get('CONFIG_INIT_ON_ALLOC_DEFAULT_ON') === 'y';
}
