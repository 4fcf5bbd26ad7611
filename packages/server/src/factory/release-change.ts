// How a release comes into the factory (a watch or a person) and what a split adds to it. Both may happen twice: a release is known by what it
// is made of, a unit by its patch, a candidate by unit and kernel, and what is there stays as it is.

import { randomUUID } from 'node:crypto';
import type { ReleaseRequest, WatchRequest } from '@resplice/protocol/factory';
import { and, eq, sql } from 'drizzle-orm';
import type { ArtefactStore } from '../artefact/artefact-store.js';
import { type Author, entryOf, writeAudit } from '../audit.js';
import { type Orm, selectRows } from '../database/database.js';
import { notFound } from '../failure.js';
import { hashOf, keepArtefact } from './artefact-name.js';
import { addConversion, type CandidateRecord } from './candidate-change.js';
import { addJob } from './job-queue.js';
import { priorityOf } from './priority.js';
import {
  factoryCandidates,
  factoryHistory,
  factoryReleases,
  factoryUnits,
  factoryWatches,
  type Tie,
} from './tables.js';

/** Before conversions: nothing can begin without them, and they are few. */
const FIRST = 5000;
const CHUNK = 200;

type NewRelease = Pick<
  typeof factoryReleases.$inferInsert,
  | 'source'
  | 'identity'
  | 'title'
  | 'fromVersion'
  | 'toVersion'
  | 'kernels'
  | 'only'
  | 'series'
  | 'watchId'
  | 'offeredAt'
>;

export async function addWatch(orm: Orm, author: Author, request: WatchRequest) {
  const { organisationId } = author.principal;
  return orm.transaction(async (transaction) => {
    const [row] = await transaction
      .insert(factoryWatches)
      .values({ ...request, id: randomUUID(), organisationId, seen: [] })
      .returning();
    if (row === undefined) throw new Error('a watch wrote no row');
    await checkWatch(transaction as Orm, row);
    const detail = { ...request };
    await writeAudit(transaction, entryOf(author, 'watch.add', row.branch ?? row.kind, detail));
    return row;
  });
}

/** Throws ServiceError `not-found`. */
export async function removeWatch(orm: Orm, author: Author, id: string): Promise<void> {
  await orm.transaction(async (transaction) => {
    const [row] = await transaction.delete(factoryWatches).where(ownWatch(author, id)).returning();
    if (row === undefined) throw notFound('watch');
    await writeAudit(transaction, entryOf(author, 'watch.remove', row.branch ?? row.kind));
  });
}

/** Has a worker look now. Throws ServiceError `not-found`. */
export async function checkWatchNow(orm: Orm, author: Author, id: string): Promise<void> {
  const [row] = await orm.select().from(factoryWatches).where(ownWatch(author, id));
  if (row === undefined) throw notFound('watch');
  await checkWatch(orm, row);
}

/** Has workers look at what was not looked at for as long as it says. */
export async function addDueWatches(orm: Orm): Promise<void> {
  const due = await orm
    .select()
    .from(factoryWatches)
    .where(
      sql`${factoryWatches.checkedAt} is null or ${factoryWatches.checkedAt} < now() - ${factoryWatches.everyMinutes} * interval '1 minute'`,
    );
  for (const watch of due) await checkWatch(orm, watch);
}

async function checkWatch(orm: Orm, watch: typeof factoryWatches.$inferSelect): Promise<void> {
  const { id: target, organisationId, kind, branch, repository } = watch;
  const subject = [kind, repository, branch].filter((part) => part !== null).join(' ');
  await addJob(orm, { organisationId, kind: 'watch', target, subject, priority: FIRST });
}

/** The release, new or known. */
export async function requestRelease(
  orm: Orm,
  artefacts: ArtefactStore,
  author: Author,
  request: ReleaseRequest,
): Promise<string> {
  const { organisationId } = author.principal;
  const wanted = await describeRequest(artefacts, organisationId, request);
  return orm.transaction(async (transaction) => {
    const id = await addRelease(transaction as Orm, organisationId, wanted);
    const detail = { kernels: wanted.kernels };
    await writeAudit(transaction, entryOf(author, 'release.request', wanted.title, detail));
    return id;
  });
}

async function describeRequest(
  artefacts: ArtefactStore,
  organisationId: string,
  request: ReleaseRequest,
): Promise<NewRelease> {
  const kernels = request.kernels ?? [];
  if ('from' in request) return describePair(request.from, request.to, kernels, request.only);
  const { title } = request;
  if ('git' in request) return describeRange(request.git, { title, kernels, only: null });
  const patches = await Promise.all(
    request.patches.map(async ({ name, text }) => ({
      name,
      artefact: await keepArtefact(artefacts, organisationId, 'patch', text),
    })),
  );
  const identity = `series ${hashOf(JSON.stringify(patches))}`;
  return {
    ...{ source: 'series', identity, title, fromVersion: '', toVersion: '', kernels, only: null },
    series: { patches },
  };
}

export function describePair(
  from: string,
  to: string,
  kernels: readonly string[],
  only: readonly string[] | null = null,
): NewRelease {
  return {
    source: 'debian',
    identity: `debian ${from} ${to}${partOf(only)}`,
    title: `${from} → ${to}${only === null ? '' : `, ${only.length} parts of it`}`,
    fromVersion: from,
    toVersion: to,
    kernels,
    only,
    series: null,
  };
}

/** For what a watch finds in a git repository. */
export function describeRange(
  { repository, range }: { readonly repository: string; readonly range: string },
  about: Pick<NewRelease, 'title' | 'kernels' | 'only'>,
): NewRelease {
  return {
    ...about,
    source: 'git',
    identity: `git ${repository} ${range}${partOf(about.only ?? null)}`,
    fromVersion: '',
    toVersion: '',
    series: { git: { repository, range } },
  };
}

function partOf(only: readonly string[] | null): string {
  return only === null ? '' : ` ${hashOf([...only].sort().join('\n')).slice(0, 16)}`;
}

/** Known ones get the kernels that they do not have yet. */
export async function addRelease(
  transaction: Orm,
  organisationId: string,
  wanted: NewRelease,
): Promise<string> {
  const [made] = await transaction
    .insert(factoryReleases)
    .values({
      ...wanted,
      id: randomUUID(),
      organisationId,
      state: 'noticed',
      untiedCves: [],
      noticedAt: sql`now()`,
    })
    .onConflictDoNothing()
    .returning();
  const { row, hasNews } =
    made === undefined
      ? await extendRelease(transaction, organisationId, wanted)
      : { row: made, hasNews: true };
  if (!hasNews) return row.id;
  await addJob(transaction, {
    organisationId,
    kind: 'split',
    target: row.id,
    subject: wanted.title,
    releaseId: row.id,
    priority: FIRST,
  });
  return row.id;
}

async function extendRelease(transaction: Orm, organisationId: string, { identity, kernels }: NewRelease) {
  const own = and(eq(factoryReleases.organisationId, organisationId), eq(factoryReleases.identity, identity));
  const [known] = await transaction.select().from(factoryReleases).where(own).for('update');
  if (known === undefined) throw notFound('release');
  const both = [...new Set([...known.kernels, ...kernels])];
  await transaction.update(factoryReleases).set({ kernels: both }).where(eq(factoryReleases.id, known.id));
  return { row: known, hasNews: both.length > known.kernels.length || known.state === 'failed' };
}

export interface SplitUnit {
  readonly name: string;
  readonly files: readonly string[];
  readonly subjects: readonly Tie[];
  readonly cves: readonly (Tie & { readonly cve: string })[];
  readonly joined: readonly string[];
  readonly sha256: string;
}

export interface TargetKernel {
  readonly release: string;
  readonly version: string;
}

/** Kernels that active machines run. */
export async function listFleetKernels(
  orm: Orm,
  organisationId: string,
): Promise<readonly (TargetKernel & { readonly flavour: string })[]> {
  return selectRows(
    orm,
    sql`select distinct l.kernel_release release, l.kernel_version version, l.flavour from patch_levels l
        join machines m on m.patch_level_id = l.id
        where l.organisation_id = ${organisationId} and m.state = 'active' and not m.hidden order by 2, 1`,
  );
}

/** Adds units, and a candidate of each for each kernel; those that a published update already brings are covered. */
export async function addUnits(
  transaction: Orm,
  release: Pick<typeof factoryReleases.$inferSelect, 'id' | 'organisationId'>,
  units: readonly SplitUnit[],
  kernels: readonly TargetKernel[],
  who: string,
): Promise<void> {
  const { id: releaseId, organisationId } = release;
  for (let start = 0; start < units.length; start += CHUNK) {
    const rows = units.slice(start, start + CHUNK).map((unit) => ({ ...unit, id: randomUUID(), releaseId }));
    await transaction.insert(factoryUnits).values(rows).onConflictDoNothing();
  }
  const names = units.map(({ name }) => name);
  for (const kernel of kernels) {
    const made = await selectRows<{ id: string; covered: boolean }>(
      transaction,
      sql`insert into factory_candidates (id, organisation_id, release_id, unit_id, kernel_release, kernel_version, state,
            priority, reasons, requires_unloaded, changed_at)
          select gen_random_uuid(), ${organisationId}, ${releaseId}, u.id, ${kernel.release}, ${kernel.version},
            case when ${isCovered(organisationId, kernel)} then 'covered' else 'new' end,
            ${priorityOf(sql`u.cves`, organisationId)}, '[]', '[]', now()
          from factory_units u
          where u.release_id = ${releaseId} and u.name = any(${sql.param(names)}::text[])
          on conflict do nothing returning id, state = 'covered' covered`,
    );
    for (const { id, covered } of made) await beginCandidate(transaction, id, covered, who);
  }
}

/** The same change to the same kernel has been approved as part of another release. */
function isCovered(organisationId: string, { release, version }: TargetKernel) {
  return sql`exists (select from factory_candidates c join factory_units o on o.id = c.unit_id
    where c.organisation_id = ${organisationId} and c.kernel_release = ${release} and c.kernel_version = ${version}
      and o.sha256 = u.sha256 and c.state in ('approved', 'published'))`;
}

async function beginCandidate(transaction: Orm, id: string, covered: boolean, who: string): Promise<void> {
  const toState = covered ? 'covered' : 'new';
  const why = covered ? 'the same change to this kernel was approved with another release' : null;
  await transaction.insert(factoryHistory).values({ candidateId: id, fromState: null, toState, who, why });
  if (covered) return;
  const [row] = await transaction.select().from(factoryCandidates).where(eq(factoryCandidates.id, id));
  if (row !== undefined) await addConversion(transaction, row satisfies CandidateRecord);
}

function ownWatch({ principal }: Author, id: string) {
  return and(eq(factoryWatches.organisationId, principal.organisationId), eq(factoryWatches.id, id));
}
