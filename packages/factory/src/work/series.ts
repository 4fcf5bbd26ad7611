// Releases that somebody wrote or uploaded: commits of a git repository, or patches, in their order. Each patch is a unit, and several are one when
// they need each other.

import { createHash } from 'node:crypto';
import { joinSeries, type PatchFile, parsePatches, readGitPatches, readSource } from '@resplice/build';
import type { CandidateState } from '@resplice/protocol/factory';
import { InputError } from '@resplice/report';
import {
  type CandidateRecord,
  type factoryReleases,
  keepArtefact,
  readArtefact,
  type SplitUnit,
} from '@resplice/server/factory';
import type { JobContext } from '../job-context.js';

type Release = typeof factoryReleases.$inferSelect;
type Store = Pick<JobContext, 'artefacts' | 'job'>;

/** As git writes between the mails of a series, which is how several patches are one file. */
const MAIL = `From ${'0'.repeat(40)} Mon Sep 17 00:00:00 2001`;
const IS_MAIL = /^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001\r?\n/;

export async function readSeries(
  { artefacts, job }: Store,
  { series }: Pick<Release, 'series'>,
): Promise<readonly PatchFile[]> {
  if (series?.git !== undefined) return readGitPatches(series.git.repository, series.git.range);
  const patches: PatchFile[] = [];
  for (const { name, artefact } of series?.patches ?? []) {
    const bytes = await readArtefact(artefacts, job.organisationId, 'patch', artefact);
    if (bytes === undefined)
      throw new InputError(
        'artefact-missing',
        `${name} is not in the artefact store any more; upload it again`,
      );
    patches.push(...parsePatches(bytes, name));
  }
  return patches;
}

/** Patches that somebody wrote, as one unit: what they say of themselves is certain. */
export async function keepPatches(
  { artefacts, job }: Store,
  patches: readonly PatchFile[],
): Promise<SplitUnit> {
  const bytes = joinMails(patches);
  const tie = (patch: PatchFile) =>
    ({ subject: subjectOf(patch), confidence: 'certain', why: 'the patch says so itself' }) as const;
  const files = patches.flatMap((patch) =>
    patch.files.flatMap(({ newPath, oldPath }) => newPath ?? oldPath ?? []),
  );
  return {
    name: nameUnit(patches),
    files: [...new Set(files)].sort(),
    subjects: patches.map(tie),
    cves: patches.flatMap((patch) => patch.cves.map((cve) => ({ ...tie(patch), cve }))),
    joined: patches.length === 1 ? [] : patches.map((patch) => nameUnit([patch])),
    sha256: await keepArtefact(artefacts, job.organisationId, 'patch', bytes),
  };
}

/** What the factory knows of a unit of the series for the kernel. */
export interface SeriesPart {
  readonly name: string;
  readonly joined: readonly string[];
  readonly candidate: Pick<CandidateRecord, 'state' | 'waitingFor' | 'reasons'>;
}

/** An update may come of these, or has. */
const ON_ITS_WAY: ReadonlySet<string> = new Set<CandidateState>([
  ...(['new', 'converting', 'automatic', 'testing', 'tested', 'in-review', 'approved', 'published'] as const),
]);

/** Units of the series that do not stand alone, with what they need of it. */
export async function joinPatches(
  context: JobContext,
  release: Release,
  parts: readonly SeriesPart[],
): Promise<readonly SplitUnit[]> {
  const series = await readSeries(context, release);
  const names = series.map((patch) => nameUnit([patch]));
  const positionsOf = ({ name, joined }: SeriesPart) =>
    (joined.length === 0 ? [name] : joined).map((each) => names.indexOf(each)).filter((at) => at >= 0);
  const incomplete = parts
    .filter(({ candidate }) => candidate.state === 'waiting' && candidate.waitingFor === null)
    .map((part) => ({ parts: positionsOf(part), reasons: part.candidate.reasons }));
  const together = parts.filter(
    ({ joined, candidate }) => joined.length > 0 && ON_ITS_WAY.has(candidate.state),
  );
  const { tree } = await context.openWorkshop(context.job.kernel ?? '');
  const sets = await joinSeries(
    series,
    incomplete,
    (path) => readSource(tree, path),
    together.map(positionsOf),
  );
  const units: SplitUnit[] = [];
  for (const set of sets) {
    const unit = await keepPatches(
      context,
      set.flatMap((at) => series[at] ?? []),
    );
    // What was joined before is a part of what it is joined into.
    const swallowed = parts.filter(
      (part) =>
        part.joined.length > 0 &&
        part.name !== unit.name &&
        positionsOf(part).every((at) => set.includes(at)),
    );
    units.push({ ...unit, joined: [...unit.joined, ...swallowed.map(({ name }) => name)] });
  }
  return units;
}

/** One alone as it was written, so that the same patch of two releases is the same. */
function joinMails(patches: readonly PatchFile[]): Uint8Array {
  const [first, ...rest] = patches;
  if (first !== undefined && rest.length === 0) return first.bytes;
  return Buffer.concat(
    patches.flatMap((patch) => {
      const isMail = IS_MAIL.test(patch.text.slice(0, 200));
      const head = isMail ? '' : `${MAIL}\nSubject: ${subjectOf(patch)}\n\n`;
      const end = patch.text.endsWith('\n') ? '' : '\n';
      return [Buffer.from(head), patch.bytes, Buffer.from(end)];
    }),
  );
}

function subjectOf({ subject, name }: PatchFile): string {
  return subject === '' ? name : subject;
}

/** `tcp-check-the-window-3f2a91`, after the last one. */
function nameUnit(patches: readonly PatchFile[]): string {
  const last = patches.at(-1);
  const words = (last === undefined ? '' : subjectOf(last))
    .toLowerCase()
    .replace(/\.(?:patch|diff)$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 48);
  return `${words}-${createHash('sha256').update(joinMails(patches)).digest('hex').slice(0, 6)}`;
}
