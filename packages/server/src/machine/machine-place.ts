// Where a machine stands in what comes: when it may install, and in which ring of the roll-outs under way it is.

import type { MachinePlace, MaintenanceWindow } from '@resplice/protocol/console';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { selectRows } from '../database/database.js';
import { stagedRollouts } from '../database/schema.js';
import { type AudienceMember, isInAudience } from '../rollout/audience.js';
import { listOpenings } from '../update/maintenance.js';
import type { FleetReader } from './machine-view.js';

export async function placeOf(
  { orm, organisationId, catalogue }: FleetReader,
  machine: AudienceMember & { readonly buildId: string },
  now: Date,
): Promise<MachinePlace> {
  const [row] = await selectRows<{ windows: MaintenanceWindow[] | null; group: boolean }>(
    orm,
    sql`select coalesce(g.windows, o.windows) windows, g.windows is not null "group"
        from organisations o left join groups g on g.organisation_id = o.id and g.name = ${machine.group}
        where o.id = ${organisationId}`,
  );
  const windows = row?.windows ?? [];
  const [next] = listOpenings(windows, now) ?? [];
  const published = new Set((catalogue.byBuild.get(machine.buildId) ?? []).map(({ updateId }) => updateId));
  const underWay = await orm
    .select()
    .from(stagedRollouts)
    .where(
      and(
        eq(stagedRollouts.organisationId, organisationId),
        inArray(stagedRollouts.state, ['waiting', 'rolling', 'halted']),
      ),
    );
  return {
    windows,
    windowsOf: windows.length === 0 ? null : row?.group === true ? 'group' : 'organisation',
    opens: next === undefined ? null : { from: next.from.toISOString(), to: next.to.toISOString() },
    rollouts: underWay
      .filter(({ updates }) => updates.some((id) => published.has(id)))
      .map(({ id, name, state, ring, rings }) => {
        const at = rings.findIndex(({ groups, percent }) =>
          isInAudience(machine, { salt: id, groups, percent }),
        );
        const isOpen = state === 'rolling' && at >= 0 && at <= ring;
        return { id, name, state, ring: at < 0 ? null : at, ringName: rings[at]?.name ?? null, isOpen };
      }),
  };
}
