// The fleet over time: a job looks at it every quarter of an hour and keeps what it saw. A moment has one sample, whichever worker was first, so a
// job that runs twice changes nothing.

import type { FleetHistory, FleetSample } from '@resplice/protocol/console';
import { eq, sql } from 'drizzle-orm';
import { type Orm, selectRows } from '../database/database.js';
import { fleetSamples, organisations } from '../database/schema.js';
import { factoryPriorities } from '../factory/tables.js';
import { announce } from '../live/announcement.js';
import type { CatalogueCache } from '../update/catalogue.js';
import { summariseFleet, viewCves } from './fleet-view.js';
import type { FleetReader } from './machine-view.js';
import type { PatchLevelIndex } from './patch-level.js';

export const SAMPLE_SECONDS = 900;
/** From then on one sample of each day is kept. */
const WHOLE_DAYS = 31;
/** Releases by themselves; the rest is one. */
const RELEASES = 20;
const MAX_SAMPLES = 1000;
const DAY_SECONDS = 86_400;

export interface SamplingContext {
  readonly orm: Orm;
  readonly levels: PatchLevelIndex;
  readonly catalogue: CatalogueCache;
}

/** Of every organisation. */
export async function sampleFleets(context: SamplingContext, now: Date): Promise<void> {
  const { orm, levels } = context;
  const at = new Date(Math.floor(now.getTime() / 1000 / SAMPLE_SECONDS) * SAMPLE_SECONDS * 1000);
  const catalogue = await context.catalogue.get(orm);
  for (const { id } of await orm.select({ id: organisations.id }).from(organisations)) {
    const figures = await describeFleet({ orm, levels, catalogue, organisationId: id });
    await orm.transaction(async (transaction) => {
      const made = await transaction
        .insert(fleetSamples)
        .values({ organisationId: id, at, figures })
        .onConflictDoNothing()
        .returning({ at: fleetSamples.at });
      if (made.length > 0) await announce(transaction, id, 'fleet', [at.toISOString()]);
    });
  }
}

async function describeFleet(reader: FleetReader): Promise<Omit<FleetSample, 'at'>> {
  const { machines, standing, effective } = await summariseFleet(reader);
  const imported = await reader.orm
    .select({ cve: factoryPriorities.cve, severity: factoryPriorities.severity })
    .from(factoryPriorities)
    .where(eq(factoryPriorities.organisationId, reader.organisationId));
  const severities = new Map(imported.map(({ cve, severity }) => [cve, severity]));
  const cvesOpen = { critical: 0, high: 0, medium: 0, low: 0, unknown: 0 };
  for (const { cve, open } of await viewCves(reader))
    if (open > 0) cvesOpen[severities.get(cve) ?? 'unknown'] += 1;
  const releases = effective.map(({ release, machines: count }) => [release, count] as const);
  const rest = releases.slice(RELEASES).reduce((total, [, count]) => total + count, 0);
  return {
    machines,
    standing,
    effective: Object.fromEntries([
      ...releases.slice(0, RELEASES),
      ...(rest > 0 ? [['other', rest] as const] : []),
    ]),
    cvesOpen,
  };
}

/** At most MAX_SAMPLES: of a longer time, the first of each step. */
export async function readFleetHistory(
  orm: Orm,
  organisationId: string,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<FleetHistory> {
  const seconds = Math.max(0, (to.getTime() - from.getTime()) / 1000);
  const step = SAMPLE_SECONDS * Math.max(1, Math.ceil(seconds / SAMPLE_SECONDS / MAX_SAMPLES));
  const rows = await selectRows<{ at: Date | string; figures: Omit<FleetSample, 'at'> }>(
    orm,
    sql`with steps as (
          select at, figures, floor(extract(epoch from at) / ${step}::int) step from fleet_samples
          where organisation_id = ${organisationId} and at between ${from.toISOString()}::timestamptz
            and ${to.toISOString()}::timestamptz)
        select distinct on (step) at, figures from steps order by step, at limit ${MAX_SAMPLES + 1}`,
  );
  return { samples: rows.map(({ at, figures }) => ({ at: new Date(at).toISOString(), ...figures })), step };
}

/** Leaves of each day that is long over the first sample. */
export async function thinSamples(orm: Pick<Orm, 'execute'>, now: Date): Promise<void> {
  const before = new Date(now.getTime() - WHOLE_DAYS * DAY_SECONDS * 1000).toISOString();
  await orm.execute(
    sql`delete from fleet_samples s where s.at < ${before}::timestamptz and exists (
          select from fleet_samples e where e.organisation_id = s.organisation_id and e.at < s.at
            and floor(extract(epoch from e.at) / ${DAY_SECONDS}::int) = floor(extract(epoch from s.at) / ${DAY_SECONDS}::int))`,
  );
}
