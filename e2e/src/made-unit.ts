// Units of a release made into updates, as an administrator would: `split`, then `create` with the unit's patch.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseUpdate } from '@resplice/update';
import type { RealUnit } from './real-unit.js';
import { resplice, run } from './resplice-command.js';
import type { MadeUpdate, Workshop } from './workshop.js';

/** Compilers that run at a time. */
const PARALLEL = 2;

export interface MadeUnit {
  readonly unit: RealUnit;
  /** What `split` ties to it. */
  readonly cves: readonly string[];
  readonly update: MadeUpdate;
  /** What readelf says of the module, and one line each of what patch and manifest say. */
  readonly facts: string;
}

interface SplitUnit {
  readonly id: string;
  readonly files: readonly string[];
  readonly cves: readonly { readonly cve: string }[];
}

/** In the order of `units`; throws at one that is not in the release, or of which no update can be made. */
export async function makeUnits(
  workshop: Workshop,
  units: readonly RealUnit[],
): Promise<readonly MadeUnit[]> {
  const { version, fixed } = workshop.pair;
  const directory = join(workshop.directory, 'units');
  const answer = await resplice(['split', '--from', version, '--to', fixed, '-o', directory]);
  if (!answer.ok) throw new Error(`split: ${answer.text}`);
  const all = answer.json.units as readonly SplitUnit[];
  const made = new Map<RealUnit, MadeUnit>();
  const queue = units.values();
  const work = async () => {
    for (const unit of queue) made.set(unit, await makeUnit(workshop, unit, all, directory));
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return units.flatMap((unit) => made.get(unit) ?? []);
}

async function makeUnit(
  workshop: Workshop,
  unit: RealUnit,
  all: readonly SplitUnit[],
  directory: string,
): Promise<MadeUnit> {
  for (const { id, files, cves } of all.filter((each) => each.files.includes(unit.file))) {
    const file = join(directory, `${id}.patch`);
    const patch = await readFile(file, 'utf8');
    if (!patch.includes(unit.text)) continue;
    const update = await workshop.create(id, [file]);
    const facts = [
      ...files.map((each) => `file ${each}`),
      ...[...patch.matchAll(/^--- \/dev\/null\n\+\+\+ b\/(.+)$/gm)].map(([, path]) => `new file ${path}`),
      ...describeManifest(update.manifest),
      await readElf(update, directory),
    ].join('\n');
    return { unit, cves: cves.map(({ cve }) => cve), update, facts };
  }
  throw new Error(`${workshop.pair.fixed} has no unit of ${unit.file} with "${unit.text}"`);
}

function describeManifest({ objects, engine, patches }: MadeUpdate['manifest']): readonly string[] {
  return [
    `engine ${engine}`,
    `objects ${objects.length}`,
    `sources ${objects.flatMap(({ sources }) => sources).length}`,
    ...objects.flatMap(({ exit }) => (exit === null ? [] : [`exit ${exit}`])),
    ...patches.map(({ subject }) => `patch ${subject}`),
  ];
}

async function readElf({ id, file, manifest }: MadeUpdate, directory: string): Promise<string> {
  const module = parseUpdate(await readFile(file), file).files.get(manifest.module.file);
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${id}.ko`);
  await writeFile(path, module ?? '');
  return (await run('readelf', ['--sections', '--symbols', '--wide', path])).stdout;
}
