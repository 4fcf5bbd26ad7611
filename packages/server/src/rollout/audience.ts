// Whom a ring is for. Chance is a hash of the roll-out and the machine, so that every process, the database, and the same process tomorrow pick the
// same machines; and another roll-out picks others, so that not the same ones try everything first.

import { createHash } from 'node:crypto';
import type { RolloutRing } from '@resplice/protocol/console';
import { type SQL, sql } from 'drizzle-orm';
import type { Audience } from '../database/schema.js';

const RANGE = 2 ** 32;

export interface AudienceMember {
  readonly id: string;
  readonly group: string | null;
}

export function isInAudience({ id, group }: AudienceMember, { salt, groups, percent }: Audience): boolean {
  return (group !== null && groups.includes(group)) || drawOf(salt, id) < limitOf(percent);
}

/** Everybody in the rings up to this one; nobody for -1. */
export function audienceOf(salt: string, rings: readonly RolloutRing[], ring: number): Audience {
  const open = rings.slice(0, ring + 1);
  return {
    salt,
    groups: [...new Set(open.flatMap(({ groups }) => groups))],
    percent: Math.max(0, ...open.map(({ percent }) => percent)),
  };
}

/** The first ring that names a machine, of `machines m`. The same as `isInAudience` says. */
export function ringColumn(salt: string, organisationId: string, rings: readonly RolloutRing[]): SQL {
  // In hexadecimal, numbers of equal length are in the order of their text; and comparing text is what databases do quickly.
  const draw = sql`md5(${salt} || m.id::text) collate "C"`;
  const cases = rings.map(({ groups, percent }, at) => {
    const isNamed =
      groups.length === 0
        ? sql`false`
        : sql`m.group_id = any(array(select id from groups where organisation_id = ${organisationId}
            and name = any(${sql.param([...groups])}::text[])))`;
    // A hash for each machine is most of the work, so it is made only where chance decides.
    const isDrawn =
      percent <= 0 ? sql`false` : percent >= 100 ? sql`true` : sql`${draw} < ${encodeLimit(percent)}`;
    return sql`when ${isNamed} or ${isDrawn} then ${sql.raw(`${at}`)}`;
  });
  return sql`case ${sql.join(cases, sql` `)} else ${sql.raw(`${rings.length}`)} end`;
}

function encodeLimit(percent: number): string {
  return limitOf(percent).toString(16).padStart(8, '0');
}

function drawOf(salt: string, id: string): number {
  return Number.parseInt(createHash('md5').update(`${salt}${id}`).digest('hex').slice(0, 8), 16);
}

function limitOf(percent: number): number {
  return Math.round((percent / 100) * RANGE);
}
