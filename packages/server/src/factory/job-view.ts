import type {
  Cumulative,
  FactoryJob,
  FactoryJobKind,
  FactoryWorker,
  JobList,
  JobQuery,
} from '@resplice/protocol/factory';
import { and, desc, eq, sql } from 'drizzle-orm';
import { type Orm, selectRows } from '../database/database.js';
import { notFound } from '../failure.js';
import { type FactoryJobRow, LEASE_SECONDS } from './job-queue.js';
import { factoryCumulatives, factoryJobs, factoryWorkers } from './tables.js';

/** Those that run first, then those that wait in the order in which they will be taken, then the newest that have ended. */
export async function listJobs(orm: Orm, organisationId: string, query: JobQuery): Promise<JobList> {
  const { state, kind, release, candidate, limit } = query;
  const own = eq(factoryJobs.organisationId, organisationId);
  const rows = await orm
    .select()
    .from(factoryJobs)
    .where(
      and(
        own,
        state === undefined ? undefined : eq(factoryJobs.state, state),
        kind === undefined ? undefined : eq(factoryJobs.kind, kind),
        release === undefined ? undefined : eq(factoryJobs.releaseId, release),
        candidate === undefined ? undefined : eq(factoryJobs.candidateId, candidate),
      ),
    )
    .orderBy(
      sql`case ${factoryJobs.state} when 'running' then 0 when 'waiting' then 1 else 2 end`,
      sql`case when ${factoryJobs.state} = 'waiting' then -${factoryJobs.priority} end`,
      sql`case when ${factoryJobs.state} = 'waiting' then ${factoryJobs.madeAt} end`,
      desc(sql`coalesce(${factoryJobs.endedAt}, ${factoryJobs.startedAt}, ${factoryJobs.madeAt})`),
    )
    .limit(limit);
  const counted = await orm
    .select({ state: factoryJobs.state, count: sql<number>`count(*)::int` })
    .from(factoryJobs)
    .where(own)
    .groupBy(factoryJobs.state);
  return {
    jobs: rows.map(viewJob),
    counts: Object.fromEntries(counted.map(({ state: name, count }) => [name, count])),
  };
}

/** Throws ServiceError `not-found`. */
export async function findJob(orm: Orm, organisationId: string, id: string): Promise<FactoryJobRow> {
  const [row] = await orm
    .select()
    .from(factoryJobs)
    .where(and(eq(factoryJobs.organisationId, organisationId), eq(factoryJobs.id, id)));
  if (row === undefined) throw notFound('job');
  return row;
}

function viewJob(row: FactoryJobRow): FactoryJob {
  const { id, kind, state, subject, candidateId, releaseId, kernel, priority, attempt, attempts } = row;
  return {
    ...{ id, kind, state, subject, candidateId, releaseId, kernel, priority, attempt, attempts },
    worker: row.worker,
    leasedUntil: row.leasedUntil?.toISOString() ?? null,
    runAfter: row.runAfter.toISOString(),
    madeAt: row.madeAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
    progress: row.stage === null ? null : { stage: row.stage, percent: row.percent },
    problem: row.problem,
    cpuMilliseconds: row.cpuMilliseconds,
  };
}

/** A worker is known for this long after it was last heard of. */
const REMEMBERED_DAYS = 7;

/** Workers serve all organisations; what they run is told only of the own one. */
export async function listWorkers(orm: Orm, organisationId: string): Promise<readonly FactoryWorker[]> {
  const rows = await orm
    .select({
      worker: factoryWorkers,
      alive: sql<boolean>`seen_at > now() - ${LEASE_SECONDS} * interval '1 second'`,
    })
    .from(factoryWorkers)
    .where(sql`${factoryWorkers.seenAt} > now() - ${REMEMBERED_DAYS} * interval '1 day'`)
    .orderBy(factoryWorkers.name);
  const running = await selectRows<{ id: string; kind: FactoryJobKind; subject: string; worker: string }>(
    orm,
    sql`select id, kind, subject, worker from factory_jobs
        where organisation_id = ${organisationId} and state = 'running' order by started_at`,
  );
  return rows.map(({ worker, alive }) => ({
    name: worker.name,
    startedAt: worker.startedAt.toISOString(),
    seenAt: worker.seenAt.toISOString(),
    alive,
    kinds: [...worker.kinds] as FactoryJobKind[],
    processors: worker.processors,
    version: worker.version,
    running: running
      .filter((job) => job.worker === worker.name)
      .map(({ id, kind, subject }) => ({ id, kind, subject })),
    done: worker.done,
    failed: worker.failed,
  }));
}

/** The newest of each kernel first. */
export async function listCumulatives(orm: Orm, organisationId: string): Promise<readonly Cumulative[]> {
  const rows = await orm
    .select()
    .from(factoryCumulatives)
    .where(eq(factoryCumulatives.organisationId, organisationId))
    .orderBy(factoryCumulatives.kernelRelease, desc(factoryCumulatives.number));
  return rows.map((row) => ({
    id: row.id,
    kernel: { release: row.kernelRelease, version: row.kernelVersion },
    number: row.number,
    updateId: row.updateId,
    state: row.state,
    problem: row.problem,
    madeAt: row.madeAt.toISOString(),
    publishedAt: row.publishedAt?.toISOString() ?? null,
    units: [...row.units],
    cves: [...row.cves],
    leftOut: [...row.leftOut],
    length: row.length,
    sha256: row.sha256,
  }));
}
