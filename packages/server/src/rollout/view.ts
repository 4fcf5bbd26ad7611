// Roll-outs as people see them: the rings with the machines in them, and what the next step waits for.

import type { Rollout } from '@resplice/protocol/console';
import { and, desc, eq, getTableColumns } from 'drizzle-orm';
import { stagedRollouts } from '../database/schema.js';
import { notFound } from '../failure.js';
import type { FleetReader } from '../machine/machine-view.js';
import { decideRollout } from './decide.js';
import { type Evidence, NOBODY, readEvidence, type StagedRollout } from './evidence.js';

const { overruled: _, ...COLUMNS } = getTableColumns(stagedRollouts);

/** The last changed first. */
export async function listRollouts(
  reader: FleetReader,
  { active, limit }: { readonly active: boolean; readonly limit: number },
  now: Date,
): Promise<readonly Rollout[]> {
  const { orm, organisationId } = reader;
  const rows = await orm
    .select(COLUMNS)
    .from(stagedRollouts)
    .where(eq(stagedRollouts.organisationId, organisationId))
    .orderBy(desc(stagedRollouts.changedAt))
    .limit(active ? 200 : limit);
  const shown = rows.filter(({ state }) => !active || ['waiting', 'rolling', 'halted'].includes(state));
  const views: Rollout[] = [];
  for (const row of shown.slice(0, limit)) views.push(viewRollout(row, await readEvidence(reader, row), now));
  return views;
}

/** `named`: so many machines that speak against it are listed. Throws ServiceError `not-found`. */
export async function findRollout(
  reader: FleetReader,
  id: string,
  { now, named }: { readonly now: Date; readonly named?: number },
): Promise<{ readonly view: Rollout; readonly evidence: Evidence }> {
  const { orm, organisationId } = reader;
  const [row] = await orm
    .select(COLUMNS)
    .from(stagedRollouts)
    .where(and(eq(stagedRollouts.organisationId, organisationId), eq(stagedRollouts.id, id)));
  if (row === undefined) throw notFound('roll-out');
  const evidence = await readEvidence(reader, row, named);
  return { view: viewRollout(row, evidence, now), evidence };
}

function viewRollout(row: StagedRollout, evidence: Evidence, now: Date): Rollout {
  const step = decideRollout(row, evidence, { now, withdrawn: false });
  const { id, name, updates, plan, state, ring, gates, halt, changedBy } = row;
  return {
    id,
    name,
    updates,
    plan,
    state,
    ring,
    ringSince: row.ringSince.toISOString(),
    startsAt: row.startsAt.toISOString(),
    rings: row.rings.map((each, at) => ({
      ...each,
      figures: evidence.rings[at] ?? NOBODY,
    })),
    gates,
    // A step that is due is taken within a minute.
    next:
      step.kind === 'wait'
        ? { at: step.at?.toISOString() ?? null, waitsFor: [...step.waitsFor] }
        : { at: now.toISOString(), waitsFor: [] },
    halt,
    changedAt: row.changedAt.toISOString(),
    changedBy,
  };
}
