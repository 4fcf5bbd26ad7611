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

/** Without whom somebody has overruled: those may be thousands, and only the database looks at them. */
export type StagedRollout = Omit<typeof stagedRollouts.$inferSelect, 'overruled'>;

export interface SignalOfMachine {
  readonly signal: RolloutSignal;
  readonly machine: string;
}

export interface Evidence {
  /** Of every ring of the plan. */
  readonly rings: readonly RingFigures[];
  /** Machines that speak against it and were not overruled, wherever they are. */
  readonly bad: number;
  /** Those by themselves, up to so many as were asked for. */
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

/** More are counted and not named, unless somebody wants to know all. */
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
  readonly machines: number;
}

export async function readEvidence(
  reader: FleetReader,
  rollout: StagedRollout,
  named: number = NAMED_SIGNALS,
): Promise<Evidence> {
  const standings = await standingsOf(reader, await listInForce(reader, rollout));
  const silent = isSilent(await silentBefore(reader));
  const context = { reader, rollout, standings, silent };
  const cells = await countCells(context, concerned(context));
  const rings = rollout.rings.map(() => ({ ...NOBODY }));
  let isDoubted = false;
  for (const cell of cells) {
    const testimony = hearCell(context, cell);
    const isBad = isSignal(testimony);
    isDoubted ||= isBad;
    const figures = rings[cell.ring];
    if (figures === undefined) continue;
    figures.machines += cell.machines;
    if (cell.silent) figures.silent += cell.machines;
    figures[isBad ? 'bad' : testimony] += cell.machines;
  }
  return { rings, ...(isDoubted ? await readSignals(context, named) : { bad: 0, signals: [] }) };
}

interface Hearing {
  readonly reader: FleetReader;
  readonly rollout: StagedRollout;
  readonly standings: ReadonlyMap<number, LevelStanding>;
  readonly silent: SQL;
}

function countCells({ reader, rollout, silent }: Hearing, where: SQL): Promise<readonly Cell[]> {
  return selectRows<Cell>(
    reader.orm,
    sql`select ${columnsOf(reader, rollout, silent)}, count(*)::int machines from machines m where ${where}
        group by 1, 2, 3, 4, 5, 6, 7`,
  );
}

/** Of machines that nobody has overruled; found among those who can be meant, so the others cost nothing. */
async function readSignals(context: Hearing, named: number): Promise<Pick<Evidence, 'bad' | 'signals'>> {
  const { reader, rollout, standings, silent } = context;
  const failed = [...standings].filter(([, standing]) => standing === 'failed').map(([level]) => level);
  const suspects = sql`${concerned(context)}
      and (m.health = 'bad' or m.disabled = 'crash-loop' or m.patch_level_id = any(${sql.param(failed)}::bigint[])
        ${rollout.gates.lostIsBad ? sql`or ${silent}` : sql``})
      and m.id not in (select unnest(overruled) from staged_rollouts where id = ${rollout.id})`;
  const rows = await selectRows<Omit<Cell, 'machines'> & { id: string }>(
    reader.orm,
    sql`select m.id::text id, ${columnsOf(reader, rollout, silent)} from machines m where ${suspects}
        order by m.id limit ${named}`,
  );
  const signals = rows.flatMap((row): readonly SignalOfMachine[] => {
    const signal = hearCell(context, row);
    return isSignal(signal) ? [{ signal, machine: row.id }] : [];
  });
  if (rows.length < named) return { bad: signals.length, signals };
  const cells = (await countCells(context, suspects)).filter((cell) => isSignal(hearCell(context, cell)));
  return { bad: cells.reduce((total, { machines }) => total + machines, 0), signals };
}

function isSignal(testimony: Testimony): testimony is RolloutSignal {
  return ['bad-health', 'crash-loop', 'failed', 'lost'].includes(testimony);
}

function hearCell({ rollout, standings }: Hearing, cell: Omit<Cell, 'machines'>): Testimony {
  const { ring, state, gates } = rollout;
  const isOpen = cell.ring <= ring && state !== 'waiting';
  const told = isOpen && (cell.ring === ring ? cell.toldRing : cell.toldStart);
  const witness = { ...cell, standing: standings.get(cell.level) ?? 'pending', told } as const;
  return hear(witness, gates.lostIsBad);
}

/** What a machine `m` says, seven columns. */
function columnsOf(
  { organisationId }: FleetReader,
  { id, rings, startsAt, ringSince }: StagedRollout,
  silent: SQL,
): SQL {
  return sql`m.patch_level_id::int level, ${ringColumn(id, organisationId, rings)} ring, m.health,
      coalesce(m.disabled, '') = 'crash-loop' "crashLoop", ${silent} silent,
      m.last_seen_at >= ${ringSince.toISOString()}::timestamptz "toldRing",
      m.last_seen_at >= ${startsAt.toISOString()}::timestamptz "toldStart"`;
}

/** Active machines that the updates concern. */
function concerned({ reader, standings }: Hearing): SQL {
  return sql`m.organisation_id = ${reader.organisationId} and not m.hidden and m.state = 'active'
      and m.patch_level_id = any(${sql.param([...standings.keys()])}::bigint[])`;
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
