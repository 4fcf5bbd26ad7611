// Releases as people look at them: counts by state, and the table of CVEs.

import type { CveRow, Release, ReleaseDetail, StateCounts, Watch } from '@resplice/protocol/factory';
import { and, desc, eq, sql } from 'drizzle-orm';
import { type Orm, selectRows } from '../database/database.js';
import { notFound } from '../failure.js';
import { factoryReleases, factoryWatches } from './tables.js';

type ReleaseRow = typeof factoryReleases.$inferSelect;

export async function listWatches(orm: Orm, organisationId: string): Promise<readonly Watch[]> {
  const rows = await orm
    .select()
    .from(factoryWatches)
    .where(eq(factoryWatches.organisationId, organisationId))
    .orderBy(factoryWatches.createdAt);
  return rows.map(viewWatch);
}

export function viewWatch(row: typeof factoryWatches.$inferSelect): Watch {
  const { id, kind, branch, repository, upTo, everyMinutes, checkedAt, problem } = row;
  return {
    ...{ id, kind, branch, repository, upTo, everyMinutes, problem },
    only: row.only === null ? null : [...row.only],
    flavours: [...row.flavours],
    kernels: [...row.kernels],
    seen: [...row.seen],
    checkedAt: checkedAt?.toISOString() ?? null,
  };
}

/** The newest first. */
export async function listReleases(orm: Orm, organisationId: string): Promise<readonly Release[]> {
  const rows = await orm
    .select()
    .from(factoryReleases)
    .where(eq(factoryReleases.organisationId, organisationId))
    .orderBy(desc(factoryReleases.noticedAt));
  return Promise.all(rows.map((row) => viewRelease(orm, row)));
}

/** Throws ServiceError `not-found`. */
export async function showRelease(orm: Orm, organisationId: string, id: string): Promise<ReleaseDetail> {
  const [row] = await orm
    .select()
    .from(factoryReleases)
    .where(and(eq(factoryReleases.organisationId, organisationId), eq(factoryReleases.id, id)));
  if (row === undefined) throw notFound('release');
  return {
    ...(await viewRelease(orm, row)),
    cveTable: await listCves(orm, row),
    untiedCves: [...row.untiedCves],
    only: row.only === null ? null : [...row.only],
  };
}

async function viewRelease(orm: Orm, row: ReleaseRow): Promise<Release> {
  const counted = await selectRows<{ release: string; version: string; state: string; count: number }>(
    orm,
    sql`select kernel_release release, kernel_version version, state, count(*)::int count from factory_candidates
        where release_id = ${row.id} group by 1, 2, 3 order by 2, 1`,
  );
  const [sums] = await selectRows<{ units: number; cves: number }>(
    orm,
    sql`select count(*)::int units,
          (select count(distinct c->>'cve')::int from factory_units u, jsonb_array_elements(u.cves) c
           where u.release_id = ${row.id}) cves
        from factory_units where release_id = ${row.id}`,
  );
  const kernels = new Map<string, { release: string; version: string; counts: StateCounts }>();
  const counts: StateCounts = {};
  for (const { release, version, state, count } of counted) {
    const key = `${release}=${version}`;
    const kernel = kernels.get(key) ?? { release, version, counts: {} };
    kernels.set(key, { ...kernel, counts: { ...kernel.counts, [state]: count } });
    Object.assign(counts, { [state]: (counts[state as keyof StateCounts] ?? 0) + count });
  }
  return {
    id: row.id,
    source: row.source,
    title: row.title,
    from: row.fromVersion,
    to: row.toVersion,
    state: row.state,
    problem: row.problem,
    offeredAt: row.offeredAt?.toISOString() ?? null,
    noticedAt: row.noticedAt.toISOString(),
    splitAt: row.splitAt?.toISOString() ?? null,
    settledAt: row.settledAt?.toISOString() ?? null,
    secondsToReview:
      row.settledAt === null
        ? null
        : Math.round((row.settledAt.getTime() - (row.offeredAt ?? row.noticedAt).getTime()) / 1000),
    kernels: [...kernels.values()],
    units: sums?.units ?? 0,
    counts,
    cves: sums?.cves ?? 0,
  };
}

interface TiedCandidate {
  readonly cve: string;
  readonly subject: string;
  readonly confidence: 'certain' | 'likely' | 'possible';
  readonly unit: string;
  readonly severity: CveRow['severity'];
  readonly exploited: boolean | null;
  readonly id: string | null;
  readonly kernel: string;
  readonly state: CveRow['candidates'][number]['state'];
  readonly reason: string | null;
}

const RANKS = { certain: 2, likely: 1, possible: 0 } as const;

async function listCves(orm: Orm, release: ReleaseRow): Promise<CveRow[]> {
  const rows = await selectRows<TiedCandidate>(
    orm,
    sql`select t->>'cve' cve, t->>'subject' subject, t->>'confidence' confidence, u.name unit, p.severity, p.exploited,
          c.id, c.kernel_release || '=' || c.kernel_version kernel, c.state, c.reasons->0->>'code' reason
        from factory_units u cross join jsonb_array_elements(u.cves) t
        left join factory_candidates c on c.unit_id = u.id
        left join factory_priorities p on p.organisation_id = ${release.organisationId} and p.cve = t->>'cve'
        where u.release_id = ${release.id} order by 1, u.name, kernel`,
  );
  const byCve = new Map<string, CveRow>();
  for (const row of rows) {
    const { cve, subject, confidence, unit, id, kernel, state, reason } = row;
    const known = byCve.get(cve) ?? {
      cve,
      severity: row.severity,
      exploited: row.exploited ?? false,
      subject,
      confidence,
      units: [],
      candidates: [],
    };
    const best =
      known.confidence === null || RANKS[confidence] > RANKS[known.confidence] ? { subject, confidence } : {};
    byCve.set(cve, {
      ...known,
      ...best,
      units: known.units.includes(unit) ? known.units : [...known.units, unit],
      candidates: id === null ? known.candidates : [...known.candidates, { id, unit, kernel, state, reason }],
    });
  }
  return [...byCve.values()];
}
