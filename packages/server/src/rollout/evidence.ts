// What the machines say about the updates of a roll-out, counted by ring. What depends on updates is decided for each patch level; the machines
// are then counted in one scan.

import type { RingFigures, RolloutSignal } from '@resplice/protocol/console';
import { and, eq, isNotNull, type SQL, sql } from 'drizzle-orm';
import { selectRows } from '../database/database.js';
import { rollouts, type stagedRollouts } from '../database/schema.js';
import {
  type FleetReader,
  isSilent,
  type LevelView,
  silentBefore,
  viewLevels,
} from '../machine/machine-view.js';
import type { PublishedUpdate } from '../update/catalogue.js';
import { ringColumn } from './audience.js';
import { listRequired, type Required } from './stand-in.js';

export type StagedRollout = typeof stagedRollouts.$inferSelect;

export interface SignalOfMachine {
  readonly signal: RolloutSignal;
  readonly machine: string;
}

export interface Evidence {
  /** Of every ring of the plan. */
  readonly rings: readonly RingFigures[];
  /** Machines that speak against it and were not overruled, wherever they are. */
  readonly bad: number;
  /** Those by themselves, up to some thousands. */
  readonly signals: readonly SignalOfMachine[];
}

/** What the updates of a roll-out are on a machine of a patch level. */
export type LevelStanding = 'applied' | 'failed' | 'refused' | 'pending';

export interface Witness {
  readonly standing: LevelStanding;
  readonly health: 'good' | 'watching' | 'bad';
  readonly crashLoop: boolean;
  readonly silent: boolean;
  /** Was heard of since its ring was opened, so it was given the updates. */
  readonly told: boolean;
}

export type Testimony = RolloutSignal | 'good' | 'watching' | 'refused' | 'pending';

export function hear({ standing, health, crashLoop, silent, told }: Witness, lostIsBad: boolean): Testimony {
  const has = standing === 'applied' || standing === 'failed';
  // A machine that is in a crash loop applies nothing, so its report does not say what made it.
  if (crashLoop && (told || has)) return 'crash-loop';
  if (health === 'bad' && has) return 'bad-health';
  if (standing === 'failed') return 'failed';
  const well = standing === 'applied' && health === 'good';
  if (lostIsBad && silent && told && !well) return 'lost';
  if (standing === 'refused') return 'refused';
  if (standing === 'pending') return 'pending';
  return health === 'good' ? 'good' : 'watching';
}

/** Undefined: no update of the roll-out is for a kernel of this level. */
export function standingOfLevel(
  { level, applied }: Pick<LevelView, 'level' | 'applied'>,
  required: readonly Required[],
): LevelStanding | undefined {
  if (required.length === 0) return undefined;
  const states = required.map(([id]) => level.updates.find((update) => update.id === id)?.state);
  if (states.includes('failed')) return 'failed';
  if (required.every((ids) => ids.some((id) => applied.includes(id)))) return 'applied';
  return states.includes('refused') ? 'refused' : 'pending';
}

/** More are counted and not named. */
const NAMED_SIGNALS = 5000;
export const NOBODY: RingFigures = {
  machines: 0,
  good: 0,
  watching: 0,
  bad: 0,
  refused: 0,
  pending: 0,
  silent: 0,
};

interface Cell extends Omit<Witness, 'standing' | 'told'> {
  readonly level: number;
  readonly ring: number;
  readonly toldRing: boolean;
  readonly toldStart: boolean;
  readonly overruled: boolean;
  readonly machines: number;
}

export async function readEvidence(reader: FleetReader, rollout: StagedRollout): Promise<Evidence> {
  const standings = await standingsOf(reader, await listInForce(reader, rollout));
  const silent = isSilent(await silentBefore(reader));
  const from = sourceOf(reader, rollout, [...standings.keys()], silent);
  const cells = await selectRows<Cell>(
    reader.orm,
    sql`select level, ring, health, "crashLoop", silent, "toldRing", "toldStart", overruled, count(*)::int machines
        from (${from}) x group by 1, 2, 3, 4, 5, 6, 7, 8`,
  );
  const rings = rollout.rings.map(() => ({ ...NOBODY }));
  const against: Cell[] = [];
  for (const cell of cells) {
    const testimony = hear(witnessOf(cell, rollout, standings), rollout.gates.lostIsBad);
    const isBad = isSignal(testimony);
    if (isBad && !cell.overruled) against.push(cell);
    const figures = rings[cell.ring];
    if (figures === undefined) continue;
    figures.machines += cell.machines;
    if (cell.silent) figures.silent += cell.machines;
    figures[isBad ? 'bad' : testimony] += cell.machines;
  }
  const bad = against.reduce((total, { machines }) => total + machines, 0);
  return { rings, bad, signals: bad === 0 ? [] : await listSignals(reader, rollout, standings, from) };
}

function isSignal(testimony: Testimony): testimony is RolloutSignal {
  return ['bad-health', 'crash-loop', 'failed', 'lost'].includes(testimony);
}

function witnessOf(
  cell: Omit<Cell, 'machines'>,
  { ring, state }: StagedRollout,
  standings: ReadonlyMap<number, LevelStanding>,
): Witness {
  const isOpen = cell.ring <= ring && state !== 'waiting';
  const told = isOpen && (cell.ring === ring ? cell.toldRing : cell.toldStart);
  return { ...cell, standing: standings.get(cell.level) ?? 'pending', told };
}

async function listSignals(
  reader: FleetReader,
  rollout: StagedRollout,
  standings: ReadonlyMap<number, LevelStanding>,
  from: SQL,
): Promise<readonly SignalOfMachine[]> {
  const suspects = [...standings].filter(([, standing]) => standing === 'failed').map(([level]) => level);
  const rows = await selectRows<Omit<Cell, 'machines'> & { id: string }>(
    reader.orm,
    sql`select * from (${from}) x where not overruled and (level = any(${sql.param(suspects)}::bigint[])
          or health = 'bad' or "crashLoop" or silent and ${rollout.gates.lostIsBad}) order by id limit ${NAMED_SIGNALS}`,
  );
  return rows.flatMap((row): readonly SignalOfMachine[] => {
    const testimony = hear(witnessOf(row, rollout, standings), rollout.gates.lostIsBad);
    return isSignal(testimony) ? [{ signal: testimony, machine: row.id }] : [];
  });
}

/** Active machines that the updates concern, one a row. */
function sourceOf(
  { organisationId }: FleetReader,
  { id, rings, startsAt, ringSince, overruled }: StagedRollout,
  levels: readonly number[],
  silent: SQL,
): SQL {
  return sql`select m.id::text id, m.patch_level_id::int level, ${ringColumn(id, rings)} ring, m.health,
      coalesce(m.disabled, '') = 'crash-loop' "crashLoop", ${silent} silent,
      m.last_seen_at >= ${ringSince.toISOString()}::timestamptz "toldRing",
      m.last_seen_at >= ${startsAt.toISOString()}::timestamptz "toldStart",
      m.id = any(${sql.param([...overruled])}::uuid[]) overruled
    from machines m left join groups g on g.id = m.group_id
    where m.organisation_id = ${organisationId} and not m.hidden and m.state = 'active'
      and m.patch_level_id = any(${sql.param([...levels])}::bigint[])`;
}

/** Updates of a roll-out that are published and not withdrawn: the others are no part of it any more. */
export async function listInForce(
  { orm, catalogue }: Pick<FleetReader, 'orm' | 'catalogue'>,
  { organisationId, updates }: Pick<StagedRollout, 'organisationId' | 'updates'>,
): Promise<readonly string[]> {
  const rows = await orm
    .select({ updateId: rollouts.updateId })
    .from(rollouts)
    .where(and(eq(rollouts.organisationId, organisationId), isNotNull(rollouts.withdrawnAt)));
  const withdrawn = new Set(rows.map(({ updateId }) => updateId));
  const published = new Set(
    catalogue.updates.filter(({ goneAt }) => goneAt === null).map(({ updateId }) => updateId),
  );
  return updates.filter((id) => published.has(id) && !withdrawn.has(id));
}

/** Patch levels of kernels that one of the updates is for. */
async function standingsOf(
  reader: FleetReader,
  updates: readonly string[],
): Promise<ReadonlyMap<number, LevelStanding>> {
  const wanted = new Set(updates);
  const published = new Map<string, PublishedUpdate[]>();
  for (const row of reader.catalogue.updates)
    if (row.goneAt === null) published.set(row.buildId, [...(published.get(row.buildId) ?? []), row]);
  const required = new Map([...published].map(([build, rows]) => [build, listRequired(rows, wanted)]));
  const views = await viewLevels(reader);
  return new Map(
    [...views].flatMap(([id, view]) => {
      const standing = standingOfLevel(view, required.get(view.level.buildId) ?? []);
      return standing === undefined ? [] : [[id, standing] as const];
    }),
  );
}
