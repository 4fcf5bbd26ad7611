// The difference of two Debian versions of the source as units that belong together, each with the changelog's subjects and CVE numbers
// that it can be tied to. Stages: the whole difference, atoms of each file, ties, patches, subjects.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, silentProgress, UsageError, withStage } from '@resplice/report';
import { compareVersions } from '@resplice/update';
import { systemApt } from '../debian/apt.js';
import { readChangelog } from '../debian/changelog.js';
import { type FetchedSource, fetchSource, resolveSource, unpackPristine } from '../debian/fetch-source.js';
import { diffTrees } from '../debian/source-diff.js';
import { isMissing, type WorkOptions } from '../debian/store.js';
import { parsePatch } from '../patch/diff-parser.js';
import type { PatchedFile } from '../patch/patch-model.js';
import { type Atom, listAtoms } from './atom.js';
import { listIdentifiers } from './c-outline.js';
import { tieSubjects } from './changelog-tie.js';
import { tieAtoms } from './tie-atoms.js';
import { type DraftUnit, makeUnit, type ReleaseUnit } from './unit.js';

export interface ReleaseSplit {
  readonly from: string;
  readonly to: string;
  readonly units: readonly ReleaseUnit[];
  /** CVE numbers of the changelog that are tied to no unit. */
  readonly untiedCves: readonly string[];
}

export interface SplitRequest {
  readonly from: string;
  readonly to: string;
  /** Files or directories; everything when left out. */
  readonly paths?: readonly string[];
}

/** The units as names alone make them, with what they are made of. */
export interface SplitDraft {
  readonly from: string;
  readonly to: string;
  /** In the order of their ids. */
  readonly units: readonly DraftUnit[];
  readonly untiedCves: readonly string[];
}

/** Splits a release by names; no compiler is asked. */
export async function splitRelease(request: SplitRequest, options: WorkOptions = {}): Promise<ReleaseSplit> {
  const { units, ...draft } = await draftSplit(request, options);
  return { ...draft, units: units.map(({ unit }) => unit) };
}

/** What {@link splitRelease} and whoever joins units further start from. */
export async function draftSplit(request: SplitRequest, options: WorkOptions = {}): Promise<SplitDraft> {
  const { from, to } = request;
  if (compareVersions(from, to) >= 0) {
    throw new UsageError(
      'not-a-release',
      `from ${from} to ${to}: expected an older and a newer version; exchange them or name another`,
    );
  }
  const apt = systemApt();
  const [older, newer] = [await resolveSource(from, apt, options), await resolveSource(to, apt, options)];
  const source = await fetchSource(newer, options);
  const before = await unpackPristine(await fetchSource(older, options), options);
  const after = await unpackPristine(source, options);
  const progress = options.progress ?? silentProgress;
  return withStage(progress, 'split', `${from} ${to}`, async () => {
    const text = await diffTrees(before, after, request.paths ?? [], {
      encoding: 'latin1',
      signal: options.signal,
    });
    if (text === '') return { from, to, units: [], untiedCves: [] };
    const { files } = parsePatch(Buffer.from(text, 'latin1'), `${from}..${to}`);
    const groups = await tieFiles(files, before, after);
    return describeSplit(request, groups, await readItems(source, from, to));
  });
}

/** The atoms of all files, tied; what files used before is read from the older tree. */
async function tieFiles(
  files: readonly PatchedFile[],
  before: string,
  after: string,
): Promise<readonly (readonly Atom[])[]> {
  const atoms: Atom[] = [];
  const words = new Map<string, ReadonlySet<string>>();
  for (const file of files) {
    const path = file.newPath ?? file.oldPath ?? '';
    const texts = {
      before: file.oldPath === null ? '' : await readText(join(before, file.oldPath)),
      after: file.newPath === null ? '' : await readText(join(after, file.newPath)),
    };
    atoms.push(...listAtoms(path, file, texts));
    words.set(path, new Set(listIdentifiers(texts.before)));
  }
  const counts = new Map<string, number>();
  for (const names of words.values()) for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const older = {
    has: (path: string, name: string) => words.get(path)?.has(name) ?? false,
    count: (name: string) => counts.get(name) ?? 0,
  };
  return tieAtoms(atoms, older);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

/** The items of all versions behind `from`, up to `to`. */
async function readItems(source: FetchedSource, from: string, to: string) {
  const entries = await readChangelog(source.changelog);
  const known = entries.filter(
    ({ version }) => compareVersions(version, from) > 0 && compareVersions(version, to) <= 0,
  );
  if (known.length === 0) {
    throw new InputError('no-changelog', `the changelog of ${to} has no entry behind ${from}`, {
      context: { file: source.changelog },
    });
  }
  return known
    .flatMap(({ items }) => items)
    .filter(({ subject }) => !/^(?:New upstream|https?:|\[rt\]|d\/|debian\/|\[.*\] d\/)/.test(subject));
}

function describeSplit(
  { from, to }: SplitRequest,
  groups: readonly (readonly Atom[])[],
  items: Awaited<ReturnType<typeof readItems>>,
): SplitDraft {
  const { ties, untied } = tieSubjects(groups, items);
  const units = groups.map((atoms, index) => makeUnit(atoms, ties[index] ?? []));
  const tied = new Set(units.flatMap(({ unit }) => unit.cves.map(({ cve }) => cve)));
  const untiedCves = [...new Set(untied.flatMap(({ cves }) => cves))].filter((cve) => !tied.has(cve)).sort();
  return { from, to, units: units.toSorted((a, b) => (a.unit.id < b.unit.id ? -1 : 1)), untiedCves };
}
