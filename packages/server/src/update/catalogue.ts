// What is published and what each organisation decided about it, in memory. Every batch of check-ins reads the version of it in the
// statement that reads the machines, so a decision made by any process holds from the next batch on.

import { dropReplaced } from '@resplice/update/repository';
import { eq, sql } from 'drizzle-orm';
import { type Orm, selectRows } from '../database/database.js';
import { catalogueState, organisations, publishedUpdates, rollouts } from '../database/schema.js';
import { LAST_RING, type ReleaseState, type Rollout } from './desired-state.js';

export type PublishedUpdate = typeof publishedUpdates.$inferSelect;

export interface Catalogue {
  readonly version: number;
  /** Not gone, by kernel build; without what a cumulative update takes the place of. */
  readonly byBuild: ReadonlyMap<string, readonly PublishedUpdate[]>;
  /** Also those that are gone: machines may still have them. */
  readonly updates: readonly PublishedUpdate[];
  /** Ids of all that are not gone. */
  readonly idsByBuild: ReadonlyMap<string, readonly string[]>;
  /** All updates by kernel build and CVE. */
  readonly byBuildAndCve: ReadonlyMap<string, ReadonlyMap<string, readonly PublishedUpdate[]>>;
  /** By organisation and id. */
  readonly rollouts: ReadonlyMap<string, ReadonlyMap<string, Rollout>>;
  readonly defaultRings: ReadonlyMap<string, number>;
}

export class CatalogueCache {
  #loaded: Catalogue | undefined;

  /** `version` when the caller has read it already. */
  async get(orm: Orm, version?: number): Promise<Catalogue> {
    const wanted = version ?? (await readVersion(orm));
    if (this.#loaded?.version !== wanted) this.#loaded = await loadCatalogue(orm);
    return this.#loaded;
  }
}

/** To be called in the transaction that changes published updates, rollouts or how an organisation releases. */
export async function bumpCatalogue(orm: Pick<Orm, 'update'>): Promise<void> {
  await orm
    .update(catalogueState)
    .set({ version: sql`${catalogueState.version} + 1` })
    .where(eq(catalogueState.id, 1));
}

export function releaseStateOf(catalogue: Catalogue, organisationId: string, buildId: string): ReleaseState {
  return {
    published: catalogue.idsByBuild.get(buildId) ?? [],
    rollouts: catalogue.rollouts.get(organisationId) ?? new Map(),
    defaultRing: catalogue.defaultRings.get(organisationId) ?? LAST_RING,
  };
}

async function readVersion(orm: Orm): Promise<number> {
  const [row] = await selectRows<{ version: string | number }>(
    orm,
    sql`select version from catalogue_state where id = 1`,
  );
  return Number(row?.version ?? 0);
}

async function loadCatalogue(orm: Orm): Promise<Catalogue> {
  // The version first: what changes meanwhile has a higher one, and is read again.
  const version = await readVersion(orm);
  const updates = await orm.select().from(publishedUpdates).orderBy(publishedUpdates.path);
  const decisions = await orm.select().from(rollouts);
  const policies = await orm
    .select({ id: organisations.id, rollout: organisations.rollout })
    .from(organisations);
  const current = updates.filter(({ goneAt }) => goneAt === null);
  const byBuild = groupBy(current, ({ buildId }) => buildId);
  const counting = new Map([...byBuild].map(([build, rows]) => [build, listCounting(rows)]));
  return {
    version,
    updates,
    byBuild: counting,
    byBuildAndCve: indexByCve(updates),
    idsByBuild: new Map([...byBuild].map(([build, rows]) => [build, rows.map(({ updateId }) => updateId)])),
    rollouts: new Map(
      [...groupBy(decisions, (row) => row.organisationId)].map(([id, rows]) => [
        id,
        new Map(
          rows.map(({ updateId, ring, withdrawnAt, takenBack, audience }) => [
            updateId,
            {
              ring,
              withdrawn: withdrawnAt !== null || takenBack,
              ...(audience === null ? {} : { audience }),
            },
          ]),
        ),
      ]),
    ),
    defaultRings: new Map(policies.map(({ id, rollout }) => [id, rollout === 'all' ? LAST_RING : -1])),
  };
}

/** Of updates of one build: without what a cumulative one among them takes the place of. */
export function listCounting(rows: readonly PublishedUpdate[]): readonly PublishedUpdate[] {
  const named = rows.map((row) => ({
    id: row.updateId,
    row,
    ...(row.cumulative === null ? {} : { cumulative: row.cumulative }),
  }));
  return dropReplaced(named).map(({ row }) => row);
}

function indexByCve(updates: readonly PublishedUpdate[]): Catalogue['byBuildAndCve'] {
  return new Map(
    [...groupBy(updates, ({ buildId }) => buildId)].map(([build, rows]) => {
      const named = rows.flatMap((row) => row.cves.map((cve) => ({ cve, row })));
      const byCve = [...groupBy(named, ({ cve }) => cve)];
      return [build, new Map(byCve.map(([cve, each]) => [cve, each.map(({ row }) => row)]))];
    }),
  );
}

function groupBy<T>(rows: readonly T[], key: (row: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group === undefined) groups.set(key(row), [row]);
    else group.push(row);
  }
  return groups;
}
