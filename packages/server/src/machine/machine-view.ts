// Machines as administrators see them. What depends on updates is decided per patch level, of which there are few, and then looked up
// by the level's id; so a filter over all machines stays one scan of narrow rows.

import type { DesiredState, InstallMode, MachineState } from '@resplice/protocol';
import { type SQL, sql } from 'drizzle-orm';
import { type Orm, selectRows } from '../database/database.js';
import { type Catalogue, type PublishedUpdate, releaseStateOf } from '../update/catalogue.js';
import { desiredStateOf, LAST_RING } from '../update/desired-state.js';
import { behindPage, encodePageKey, type MachineOrder, orderBy } from './machine-order.js';
import type { KnownLevel, PatchLevelIndex } from './patch-level.js';

/** As Ksplice said it. `unsupported`: no update was ever published for this kernel, and none is applied. */
export type MachineStatus = 'uptodate' | 'outofdate' | 'unsupported';

export interface LevelView {
  readonly level: KnownLevel;
  readonly status: MachineStatus;
  readonly applied: readonly string[];
  /** Published, not withdrawn, and not applied; in whatever ring. */
  readonly missing: readonly PublishedUpdate[];
}

export interface MachineFilter {
  readonly status?: MachineStatus | undefined;
  readonly state?: MachineState | undefined;
  /** Empty: without a group. */
  readonly group?: string | undefined;
  readonly tag?: string | undefined;
  readonly health?: 'good' | 'watching' | 'bad' | undefined;
  readonly hidden?: 'yes' | 'no' | 'all' | undefined;
  readonly conflict?: boolean | undefined;
  readonly silent?: boolean | undefined;
  /** Beginning of uname -r. */
  readonly kernel?: string | undefined;
  /** Part of the host name, or the beginning of the uuid. */
  readonly search?: string | undefined;
  readonly update?: string | undefined;
  readonly updateState?: string | undefined;
  /** Machines on which this CVE is `open` or `fixed`. */
  readonly cve?: string | undefined;
  readonly cveState?: 'open' | 'fixed' | undefined;
}

export interface MachineRow {
  readonly id: string;
  readonly hostname: string | null;
  readonly state: MachineState;
  readonly hidden: boolean;
  readonly tags: readonly string[];
  readonly group: string | null;
  readonly ring: number;
  readonly client: string;
  readonly health: 'good' | 'watching' | 'bad';
  readonly disabled: string | null;
  readonly conflict: string | null;
  readonly conflictAt: Date | string | null;
  readonly registeredAt: Date | string;
  readonly lastSeenAt: Date | string;
  readonly silent: boolean;
  readonly patchLevelId: number;
  readonly sequence: number;
  readonly machineId: string;
  readonly fingerprint: string;
  readonly mode: InstallMode | null;
}

export interface FleetReader {
  readonly orm: Orm;
  readonly levels: PatchLevelIndex;
  readonly catalogue: Catalogue;
  readonly organisationId: string;
}

/** Active, and silent for three times as long as it should be: last seen before this moment. */
export async function silentBefore({ orm, organisationId }: FleetReader): Promise<string> {
  const [row] = await selectRows<{ seconds: number }>(
    orm,
    sql`select check_in_seconds seconds from organisations where id = ${organisationId}`,
  );
  return new Date(Date.now() - (row?.seconds ?? 3600) * 3000).toISOString();
}

export function isSilent(before: string): SQL {
  return sql`(m.state = 'active' and m.last_seen_at < ${before}::timestamptz)`;
}

/**
 * Ids first; only the machines of the page are then read whole. Counting and finding are two statements in one: the first can use all processors, and the
 * second stops in the index as soon as it has a page, or is as long as the first where few machines fit.
 */
export async function listMachines(
  reader: FleetReader,
  filter: MachineFilter,
  page: MachineOrder & { readonly after?: string | undefined; readonly limit: number },
) {
  const views = await viewLevels(reader);
  const silent = await silentBefore(reader);
  const where = conditions(reader, filter, views, silent);
  const { sort, descending = false } = page;
  const order = orderBy(sort, views, isSilent(silent));
  const after = page.after === undefined ? sql`` : sql`and ${behindPage(order, page.after, descending)}`;
  const direction = sql.raw(descending ? 'desc' : 'asc');
  const [found] = await selectRows<{ total: number; keys: readonly (readonly [string, string])[] | null }>(
    reader.orm,
    sql`select (select count(*)::int from machines m where ${where}) total,
          (select json_agg(json_build_array(p.key::text, p.id) order by p.key ${direction}, p.id ${direction}) from (
            select m.id, ${order.key} key from machines m ${order.join} where ${where} ${after}
            order by ${order.key} ${direction}, m.id ${direction} limit ${page.limit + 1}) p) keys`,
  );
  const { total = 0 } = found ?? {};
  const keys = found?.keys ?? [];
  const shown = keys.slice(0, page.limit);
  const rows = new Map(
    (
      await readMachines(
        reader,
        shown.map(([, id]) => id),
        silent,
      )
    ).map((row) => [row.id, row]),
  );
  const last = shown.at(-1);
  return {
    rows: shown.flatMap(([, id]) => rows.get(id) ?? []),
    views,
    total,
    next: keys.length > page.limit && last !== undefined ? encodePageKey(...last) : null,
  };
}

/** One machine with what its level means and what it shall have; undefined when the organisation has none of this id. */
export async function inspectMachine(
  reader: FleetReader,
  id: string,
): Promise<
  { readonly row: MachineRow; readonly view: LevelView; readonly desired: DesiredState } | undefined
> {
  const [row] = await readMachines(reader, [id], await silentBefore(reader));
  if (row === undefined) return undefined;
  const level = (await reader.levels.load(reader.orm, [row.patchLevelId])).get(row.patchLevelId);
  if (level === undefined) return undefined;
  const { state, mode, ring } = row;
  const reported = level.updates.map((update) => update.id);
  const release = releaseStateOf(reader.catalogue, reader.organisationId, level.buildId);
  return {
    row,
    view: viewLevel(reader, level),
    desired: desiredStateOf({ id, group: row.group, state, mode, ring, reported }, release),
  };
}

function readMachines(
  { orm, organisationId }: FleetReader,
  ids: readonly string[],
  silent: string,
): Promise<readonly MachineRow[]> {
  return selectRows<MachineRow>(
    orm,
    sql`select m.id, m.hostname, m.state, m.hidden, m.tags, g.name "group", coalesce(g.ring, ${LAST_RING}::int) ring, g.mode,
          m.client, m.health, m.disabled, m.conflict, m.conflict_at "conflictAt", m.registered_at "registeredAt",
          m.last_seen_at "lastSeenAt", ${isSilent(silent)} silent, m.patch_level_id::int "patchLevelId",
          m.sequence::float8 sequence, m.machine_id "machineId", m.fingerprint
        from machines m left join groups g on g.id = m.group_id
        where m.organisation_id = ${organisationId} and m.id = any(${sql.param([...ids])}::uuid[]) order by m.id`,
  );
}

/** Every level of the organisation with what it means at present. */
export async function viewLevels(reader: FleetReader): Promise<ReadonlyMap<number, LevelView>> {
  const rows = await selectRows<{ id: string | number }>(
    reader.orm,
    sql`select id from patch_levels where organisation_id = ${reader.organisationId}`,
  );
  const ids = rows.map(({ id }) => Number(id));
  const known = await reader.levels.load(reader.orm, ids);
  return new Map(
    ids.flatMap((id) => {
      const level = known.get(id);
      return level === undefined ? [] : [[id, viewLevel(reader, level)] as const];
    }),
  );
}

function viewLevel({ catalogue, organisationId }: FleetReader, level: KnownLevel): LevelView {
  const { rollouts } = releaseStateOf(catalogue, organisationId, level.buildId);
  const published = catalogue.byBuild.get(level.buildId) ?? [];
  const applied = level.updates.filter(({ state }) => isApplied(state)).map(({ id }) => id);
  const missing = published.filter(
    ({ updateId }) => !applied.includes(updateId) && rollouts.get(updateId)?.withdrawn !== true,
  );
  const behind = level.updates.some(
    ({ id, state }) => !isApplied(state) && rollouts.get(id)?.withdrawn !== true,
  );
  const status =
    missing.length > 0 || behind
      ? 'outofdate'
      : published.length === 0 && applied.length === 0
        ? 'unsupported'
        : 'uptodate';
  return { level, status, applied, missing };
}

/** Withdrawn: still active in the kernel. */
export function isApplied(state: string): boolean {
  return state === 'applied' || state === 'withdrawn';
}

function conditions(
  { organisationId, catalogue }: FleetReader,
  filter: MachineFilter,
  views: ReadonlyMap<number, LevelView>,
  silent: string,
): SQL {
  const all: SQL[] = [sql`m.organisation_id = ${organisationId}`];
  const { hidden = 'no', group, search } = filter;
  if (hidden !== 'all') all.push(sql`m.hidden = ${hidden === 'yes'}`);
  if (filter.state !== undefined) all.push(sql`m.state = ${filter.state}`);
  if (filter.health !== undefined) all.push(sql`m.health = ${filter.health}`);
  if (filter.tag !== undefined) all.push(sql`${filter.tag} = any(m.tags)`);
  if (group === '') all.push(sql`m.group_id is null`);
  else if (group !== undefined)
    all.push(
      sql`m.group_id = (select id from groups where organisation_id = ${organisationId} and name = ${group})`,
    );
  if (filter.conflict !== undefined) all.push(sql`(m.conflict is not null) = ${filter.conflict}`);
  if (filter.silent !== undefined) all.push(sql`${isSilent(silent)} = ${filter.silent}`);
  if (search !== undefined) {
    const pattern = search.toLowerCase().replace(/[\\%_]/g, '\\$&');
    all.push(sql`(lower(m.hostname) like ${`%${pattern}%`} or m.id::text like ${`${pattern}%`})`);
  }
  const tests = levelTests(filter, catalogue);
  if (tests.length > 0) {
    const ids = [...views.values()]
      .filter((view) => tests.every((test) => test(view)))
      .map(({ level }) => level.id);
    all.push(sql`m.patch_level_id = any(${sql.param(ids)}::bigint[])`);
  }
  return sql.join(all, sql` and `);
}

function levelTests(filter: MachineFilter, catalogue: Catalogue): readonly ((view: LevelView) => boolean)[] {
  const { status, kernel, update, updateState, cve, cveState = 'open' } = filter;
  const tests: ((view: LevelView) => boolean)[] = [];
  if (status !== undefined) tests.push((view) => view.status === status);
  if (kernel !== undefined) tests.push(({ level }) => level.kernelRelease.startsWith(kernel));
  if (update !== undefined) {
    tests.push(({ level, missing }) => {
      const state =
        level.updates.find(({ id }) => id === update)?.state ??
        (missing.some(({ updateId }) => updateId === update) ? 'available' : undefined);
      return updateState === undefined ? state !== undefined : state === updateState;
    });
  }
  if (cve !== undefined) tests.push((view) => stateOfCve(view, cve, catalogue) === cveState);
  return tests;
}

/** Undefined when no update for the machine's kernel has to do with it. */
export function stateOfCve(
  { level, applied }: Pick<LevelView, 'level' | 'applied'>,
  cve: string,
  catalogue: Catalogue,
): 'open' | 'fixed' | undefined {
  const concerned = catalogue.byBuildAndCve.get(level.buildId)?.get(cve) ?? [];
  if (concerned.some(({ updateId }) => applied.includes(updateId))) return 'fixed';
  return concerned.some(({ goneAt }) => goneAt === null) ? 'open' : undefined;
}
