// Sums over all machines of an organisation: one scan that counts machines by what they have in common, the rest by patch level.

import type { MachineState } from '@resplice/protocol';
import type { FleetStanding } from '@resplice/protocol/console';
import { sql } from 'drizzle-orm';
import { selectRows } from '../database/database.js';
import { countStandings } from './fleet-standing.js';
import { type FleetReader, isSilent, silentBefore, stateOfCve, viewLevels } from './machine-view.js';

interface Cell {
  readonly patchLevelId: number;
  readonly state: MachineState;
  readonly health: 'good' | 'watching' | 'bad';
  /** Bad health or a crash loop. */
  readonly failing: boolean;
  readonly conflict: boolean;
  readonly silent: boolean;
  readonly machines: number;
}

/** Machines that are not hidden. */
async function countCells(reader: FleetReader): Promise<readonly Cell[]> {
  return selectRows<Cell>(
    reader.orm,
    sql`select m.patch_level_id::int "patchLevelId", m.state, m.health, m.conflict is not null conflict,
          m.health = 'bad' or coalesce(m.disabled, '') = 'crash-loop' failing, ${isSilent(await silentBefore(reader))} silent, count(*)::int machines
        from machines m where m.organisation_id = ${reader.organisationId} and not m.hidden group by 1, 2, 3, 4, 5, 6`,
  );
}

export interface FleetSummary {
  readonly machines: number;
  readonly byState: Readonly<Record<string, number>>;
  /** Of the active ones. */
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byHealth: Readonly<Record<string, number>>;
  readonly silent: number;
  readonly conflicts: number;
  /** Of the active ones, each in one place. */
  readonly standing: FleetStanding;
  readonly kernels: readonly {
    readonly release: string;
    readonly version: string;
    readonly buildId: string;
    readonly machines: number;
    readonly uptodate: number;
  }[];
  readonly effective: readonly { readonly release: string; readonly machines: number }[];
}

export async function summariseFleet(reader: FleetReader): Promise<FleetSummary> {
  const views = await viewLevels(reader);
  const cells = await countCells(reader);
  const active = cells.filter(({ state }) => state === 'active');
  const kernels = new Map<
    string,
    { release: string; version: string; buildId: string; machines: number; uptodate: number }
  >();
  const effective = new Map<string, number>();
  for (const { patchLevelId, machines } of active) {
    const view = views.get(patchLevelId);
    if (view === undefined) continue;
    const { kernelRelease: release, kernelVersion: version, buildId, effectiveRelease } = view.level;
    effective.set(effectiveRelease, (effective.get(effectiveRelease) ?? 0) + machines);
    const kernel = kernels.get(buildId) ?? { release, version, buildId, machines: 0, uptodate: 0 };
    kernel.machines += machines;
    if (view.status === 'uptodate') kernel.uptodate += machines;
    kernels.set(buildId, kernel);
  }
  return {
    machines: sum(cells),
    byState: tally(cells, ({ state }) => state, ['active', 'pending', 'denied']),
    byStatus: tally(active, ({ patchLevelId }) => views.get(patchLevelId)?.status ?? 'unsupported', [
      'uptodate',
      'outofdate',
      'unsupported',
    ]),
    byHealth: tally(active, ({ health }) => health, ['good', 'watching', 'bad']),
    silent: sum(cells.filter(({ silent }) => silent)),
    conflicts: sum(cells.filter(({ conflict }) => conflict)),
    standing: countStandings(active, views),
    kernels: [...kernels.values()].sort((a, b) => b.machines - a.machines),
    effective: [...effective]
      .map(([release, count]) => ({ release, machines: count }))
      .sort((a, b) => b.machines - a.machines),
  };
}

export interface CveView {
  readonly cve: string;
  readonly updates: readonly string[];
  /** Active machines whose kernel has an update for it that is applied, or is not. */
  readonly fixed: number;
  readonly open: number;
}

export async function viewCves(reader: FleetReader): Promise<readonly CveView[]> {
  const views = await viewLevels(reader);
  const byLevel = new Map<number, number>();
  for (const { state, patchLevelId, machines } of await countCells(reader)) {
    if (state === 'active') byLevel.set(patchLevelId, (byLevel.get(patchLevelId) ?? 0) + machines);
  }
  const byBuild = new Map<string, { view: NonNullable<ReturnType<typeof views.get>>; machines: number }[]>();
  for (const [id, machines] of byLevel) {
    const view = views.get(id);
    if (view === undefined) continue;
    const { buildId } = view.level;
    byBuild.set(buildId, [...(byBuild.get(buildId) ?? []), { view, machines }]);
  }
  const cves = new Map<string, { updates: Set<string>; builds: Set<string> }>();
  for (const { updateId, buildId, cves: named } of reader.catalogue.updates) {
    for (const cve of named) {
      const known = cves.get(cve) ?? { updates: new Set(), builds: new Set() };
      known.updates.add(updateId);
      known.builds.add(buildId);
      cves.set(cve, known);
    }
  }
  return [...cves]
    .map(([cve, { updates, builds }]) => {
      const levels = [...builds].flatMap((build) => byBuild.get(build) ?? []);
      const count = (wanted: 'open' | 'fixed'): number =>
        sum(levels.filter(({ view }) => stateOfCve(view, cve, reader.catalogue) === wanted));
      return { cve, updates: [...updates].sort(), fixed: count('fixed'), open: count('open') };
    })
    .sort((a, b) => b.open - a.open || (a.cve < b.cve ? 1 : -1));
}

/** Active machines that are not hidden, by update: how many have it, and how many could. */
export async function countByUpdate(
  reader: FleetReader,
): Promise<ReadonlyMap<string, { applied: number; available: number; failed: number }>> {
  const views = await viewLevels(reader);
  const counts = new Map<string, { applied: number; available: number; failed: number }>();
  const add = (id: string, what: 'applied' | 'available' | 'failed', machines: number): void => {
    const count = counts.get(id) ?? { applied: 0, available: 0, failed: 0 };
    count[what] += machines;
    counts.set(id, count);
  };
  for (const { state, patchLevelId, machines } of await countCells(reader)) {
    const view = state === 'active' ? views.get(patchLevelId) : undefined;
    if (view === undefined) continue;
    for (const id of view.applied) add(id, 'applied', machines);
    for (const { updateId } of view.missing) add(updateId, 'available', machines);
    for (const { id, state: at } of view.level.updates)
      if (at === 'failed' || at === 'refused') add(id, 'failed', machines);
  }
  return counts;
}

function sum(cells: readonly { readonly machines: number }[]): number {
  return cells.reduce((total, { machines }) => total + machines, 0);
}

function tally<T extends { readonly machines: number }>(
  cells: readonly T[],
  key: (cell: T) => string,
  names: readonly string[],
): Readonly<Record<string, number>> {
  return Object.fromEntries(names.map((name) => [name, sum(cells.filter((cell) => key(cell) === name))]));
}
