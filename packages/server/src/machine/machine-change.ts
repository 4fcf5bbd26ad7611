// What administrators change about machines. Each change is one transaction with its line in the audit log.

import { randomUUID } from 'node:crypto';
import type { MachineState } from '@resplice/protocol';
import { and, eq, inArray } from 'drizzle-orm';
import { type Author, entryOf, writeAudit } from '../audit.js';
import type { Orm } from '../database/database.js';
import { groups, machines } from '../database/schema.js';
import { notFound } from '../failure.js';
import { announce } from '../live/announcement.js';
import { LAST_RING } from '../update/desired-state.js';

export interface MachineChange {
  readonly state?: MachineState | undefined;
  /** Null or empty: no group. A group that does not exist is made. */
  readonly group?: string | null | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly hidden?: boolean | undefined;
}

export interface Changer extends Author {
  readonly orm: Orm;
}

/** Ids of the machines that were changed: those of the organisation. Throws ServiceError `not-found` when none is. */
export function changeMachines(
  changer: Changer,
  ids: readonly string[],
  change: MachineChange,
): Promise<readonly string[]> {
  const { orm, principal } = changer;
  const { organisationId } = principal;
  return orm.transaction(async (transaction) => {
    const { group, tags, hidden, state } = change;
    const groupId =
      group === undefined
        ? undefined
        : group === null || group === ''
          ? null
          : await findOrMakeGroup(transaction, organisationId, group);
    const rows = await transaction
      .update(machines)
      .set({
        ...(state === undefined ? {} : { state }),
        ...(groupId === undefined ? {} : { groupId }),
        ...(tags === undefined ? {} : { tags: [...new Set(tags)].sort() }),
        ...(hidden === undefined ? {} : { hidden }),
      })
      .where(and(eq(machines.organisationId, organisationId), inArray(machines.id, [...new Set(ids)])))
      .returning({ id: machines.id });
    if (rows.length === 0) throw notFound('machine');
    const changed = rows.map(({ id }) => id).sort();
    const subject = changed.length === 1 ? (changed[0] ?? '') : `${changed.length} machines`;
    const detail = { ...change, ...(changed.length === 1 ? {} : { machines: changed }) };
    await writeAudit(transaction, entryOf(changer, 'machine.change', subject, detail));
    await announce(transaction, organisationId, 'machines', changed);
    return changed;
  });
}

export async function removeMachine(changer: Changer, id: string): Promise<void> {
  const { orm, principal } = changer;
  const { organisationId } = principal;
  await orm.transaction(async (transaction) => {
    const rows = await transaction
      .delete(machines)
      .where(and(eq(machines.organisationId, organisationId), eq(machines.id, id)))
      .returning({ id: machines.id });
    if (rows.length === 0) throw notFound('machine');
    await writeAudit(transaction, entryOf(changer, 'machine.remove', id));
    await announce(transaction, organisationId, 'machines', [id]);
  });
}

async function findOrMakeGroup(
  orm: Pick<Orm, 'insert' | 'select'>,
  organisationId: string,
  name: string,
): Promise<string> {
  await orm
    .insert(groups)
    .values({ id: randomUUID(), organisationId, name, ring: LAST_RING, mode: null })
    .onConflictDoNothing();
  const [row] = await orm
    .select({ id: groups.id })
    .from(groups)
    .where(and(eq(groups.organisationId, organisationId), eq(groups.name, name)));
  if (row === undefined) throw notFound('group');
  return row.id;
}
