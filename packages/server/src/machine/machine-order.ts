// Orders of the list of machines, a page at a time behind a key: what the last row was ordered by, and its id. So the next page begins where the
// one before ended, also when the machine at its end has checked in since and belongs elsewhere by now.
//
// What depends on patch levels is ordered by the rank of the level, of which there are few. When a machine was last seen has no index, since
// every check-in writes it; the list is counted over all machines anyway, and choosing fifty of them in the same pass costs little more.

import type { MachineSort } from '@resplice/protocol/console';
import { compareVersions } from '@resplice/update';
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { ServiceError } from '../failure.js';
import type { LevelView } from './machine-view.js';

export interface MachineOrder {
  readonly sort?: MachineSort | undefined;
  readonly descending?: boolean | undefined;
}

export interface OrderedBy {
  /** After `from machines m`. */
  readonly join: SQL;
  /** What is ordered by, in its own type. */
  readonly key: SQL;
  readonly type: 'uuid' | 'text' | 'integer' | 'timestamptz';
}

/** Of a machine's level or its own: the worst first, as pages show them. */
const STATUS_RANKS = { outofdate: 4, unsupported: 6, uptodate: 7 } as const;

export function orderBy(
  sort: MachineSort | undefined,
  views: ReadonlyMap<number, LevelView>,
  isSilent: SQL,
): OrderedBy {
  const none = sql``;
  switch (sort) {
    case undefined:
      return { join: none, key: sql`m.id`, type: 'uuid' };
    case 'name':
      return { join: none, key: sql`lower(coalesce(m.hostname, m.id::text)) collate "C"`, type: 'text' };
    case 'seen':
      return { join: none, key: sql`m.last_seen_at`, type: 'timestamptz' };
    case 'state': {
      const join = joinRanks(new Map([...views].map(([id, { status }]) => [id, STATUS_RANKS[status]])));
      const own = sql`when m.health = 'bad' then 0 when m.conflict is not null then 1 when ${isSilent} then 2
        when m.disabled is not null then 3 when m.health = 'watching' then 5 when m.state = 'pending' then 8
        when m.state = 'denied' then 9`;
      return { join, key: sql`(case ${own} else r.rank end)`, type: 'integer' };
    }
    case 'kernel':
    case 'effective': {
      const nameOf = ({ level }: LevelView) =>
        sort === 'kernel' ? `${level.kernelVersion} ${level.kernelRelease}` : level.effectiveRelease;
      return { join: joinRanks(rankByName(views, nameOf)), key: sql`r.rank`, type: 'integer' };
    }
  }
}

/** Levels of one name have one rank. */
function rankByName(
  views: ReadonlyMap<number, LevelView>,
  nameOf: (view: LevelView) => string,
): ReadonlyMap<number, number> {
  const names = [...new Set([...views.values()].map(nameOf))].sort(
    (a, b) => compareVersions(a.split(' ')[0] ?? '', b.split(' ')[0] ?? '') || (a < b ? -1 : 1),
  );
  const ranks = new Map(names.map((name, rank) => [name, rank]));
  return new Map([...views].map(([id, view]) => [id, ranks.get(nameOf(view)) ?? 0]));
}

function joinRanks(ranks: ReadonlyMap<number, number>): SQL {
  const [ids, values] = [[...ranks.keys()], [...ranks.values()]];
  return sql`join unnest(${sql.param(ids)}::bigint[], ${sql.param(values)}::int[]) r(level, rank) on r.level = m.patch_level_id`;
}

const PageKey = z.tuple([z.string().max(300), z.uuid()]);
/** What the database takes as a value of the type. */
const VALUES: Readonly<Record<OrderedBy['type'], RegExp>> = {
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  text: /^[^\0]*$/,
  integer: /^\d{1,9}$/,
  timestamptz: /^\d{4}-(?:0\d|1[0-2])-[0-3]\d [0-2]\d:[0-5]\d:[0-5]\d(?:\.\d{1,6})?[+-]\d\d(?::\d\d)?$/,
};

export function encodePageKey(key: string, id: string): string {
  return Buffer.from(JSON.stringify([key, id])).toString('base64url');
}

/** Throws ServiceError `request-malformed`. */
export function behindPage({ key, type }: OrderedBy, after: string, descending: boolean): SQL {
  const parsed = PageKey.safeParse(parse(after));
  if (!parsed.success || !VALUES[type].test(parsed.data[0]))
    throw new ServiceError('request-malformed', 'after: is no `next` of a page; begin at the first one');
  const [value, id] = parsed.data;
  const compare = sql.raw(descending ? '<' : '>');
  const collation = type === 'text' ? sql` collate "C"` : sql``;
  return sql`(${key}, m.id) ${compare} (${value}::${sql.raw(type)}${collation}, ${id}::uuid)`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    // Whatever it is, it is none of ours.
    return undefined;
  }
}
