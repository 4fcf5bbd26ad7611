// What a machine shares with those like it: kernel, effective release, updates. See database/schema.ts for why.

import { createHash } from 'node:crypto';
import type { MachineReport } from '@resplice/protocol';
import { sql } from 'drizzle-orm';
import { type Orm, selectRows } from '../database/database.js';
import type { LevelUpdate } from '../database/schema.js';

export interface PatchLevel {
  readonly kernelRelease: string;
  readonly kernelVersion: string;
  readonly buildId: string;
  readonly architecture: string;
  readonly flavour: string;
  readonly effectiveRelease: string;
  readonly cvesFixed: number;
  readonly cvesOpen: number | null;
  /** By id. */
  readonly updates: readonly LevelUpdate[];
}

export interface KnownLevel extends PatchLevel {
  readonly id: number;
}

export function patchLevelOf({ kernel, effective, updates }: MachineReport): PatchLevel {
  return {
    kernelRelease: kernel.release,
    kernelVersion: kernel.version,
    buildId: kernel.buildId,
    architecture: kernel.architecture,
    flavour: kernel.flavour,
    effectiveRelease: effective.release,
    cvesFixed: effective.cvesFixed,
    cvesOpen: effective.cvesOpen,
    updates: updates
      .map(({ id, name, engine, state, reasons }) => ({ id, name, engine, state, reasons }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

export function hashPatchLevel(level: PatchLevel): string {
  return createHash('sha256').update(JSON.stringify(level)).digest('base64url');
}

export interface WantedLevel {
  readonly organisationId: string;
  readonly hash: string;
  readonly level: PatchLevel;
}

export interface ResolvedLevels {
  find(organisationId: string, hash: string): number;
  /** To be given to `remember` once the transaction is committed: before, nobody else can refer to them. */
  readonly made: ReadonlyMap<string, KnownLevel>;
}

/** More are not kept in memory. */
const LARGEST = 50_000;

/** Levels that were seen, by organisation and hash, so that a fleet that does not change asks the database for none. */
export class PatchLevelIndex {
  readonly #ids = new Map<string, number>();
  readonly #levels = new Map<number, KnownLevel>();

  /** Ids of these levels; made when they are new. */
  async resolve(orm: Pick<Orm, 'execute'>, wanted: readonly WantedLevel[]): Promise<ResolvedLevels> {
    const missing = new Map(
      wanted
        .map((each) => [keyOf(each.organisationId, each.hash), each] as const)
        .filter(([key]) => !this.#ids.has(key)),
    );
    const made = new Map<string, KnownLevel>();
    // In one order, so that two transactions that make the same levels wait for each other and not both for ever.
    for (const [key, each] of [...missing].sort(([a], [b]) => (a < b ? -1 : 1)))
      made.set(key, { ...each.level, id: await makeLevel(orm, each) });
    return {
      find: (organisationId, hash) => {
        const key = keyOf(organisationId, hash);
        const id = made.get(key)?.id ?? this.#ids.get(key);
        if (id === undefined) throw new Error(`patch level ${hash} was not resolved`);
        return id;
      },
      made,
    };
  }

  remember({ made }: ResolvedLevels): void {
    if (this.#levels.size > LARGEST) this.forget();
    for (const [key, level] of made) {
      this.#ids.set(key, level.id);
      this.#levels.set(level.id, level);
    }
  }

  /** Levels by id, for what a machine had before. */
  async load(orm: Pick<Orm, 'execute'>, ids: readonly number[]): Promise<ReadonlyMap<number, KnownLevel>> {
    if (this.#levels.size > LARGEST) this.forget();
    const missing = ids.filter((id) => !this.#levels.has(id));
    if (missing.length > 0) {
      const found = await selectLevels(orm, sql`id = any(${sql.param(missing)}::bigint[])`);
      for (const level of found) this.#levels.set(level.id, level);
    }
    return this.#levels;
  }

  /** After an error: another process may have removed levels that nobody used. */
  forget(): void {
    this.#ids.clear();
    this.#levels.clear();
  }
}

function keyOf(organisationId: string, hash: string): string {
  return `${organisationId} ${hash}`;
}

async function makeLevel(
  orm: Pick<Orm, 'execute'>,
  { organisationId, hash, level }: WantedLevel,
): Promise<number> {
  // The update that changes nothing makes the row come back when another process was first.
  const [row] = await selectRows<{ id: string | number }>(
    orm,
    sql`insert into patch_levels (organisation_id, hash, kernel_release, kernel_version, build_id, architecture, flavour,
          effective_release, cves_fixed, cves_open, updates)
        values (${organisationId}, ${hash}, ${level.kernelRelease}, ${level.kernelVersion}, ${level.buildId},
          ${level.architecture}, ${level.flavour}, ${level.effectiveRelease}, ${level.cvesFixed}, ${level.cvesOpen},
          ${JSON.stringify(level.updates)}::jsonb)
        on conflict (organisation_id, hash) do update set hash = excluded.hash returning id`,
  );
  if (row === undefined) throw new Error('a patch level wrote no row');
  return Number(row.id);
}

export async function selectLevels(
  orm: Pick<Orm, 'execute'>,
  where: ReturnType<typeof sql>,
): Promise<readonly KnownLevel[]> {
  const rows = await selectRows<KnownLevel>(
    orm,
    sql`select id, kernel_release "kernelRelease", kernel_version "kernelVersion", build_id "buildId", architecture, flavour,
          effective_release "effectiveRelease", cves_fixed "cvesFixed", cves_open "cvesOpen", updates
        from patch_levels where ${where}`,
  );
  return rows.map((row) => ({ ...row, id: Number(row.id) }));
}

/** Levels that no machine has any more. */
export async function removeUnusedLevels(orm: Pick<Orm, 'execute'>): Promise<void> {
  await orm.execute(
    sql`delete from patch_levels where not exists (select from machines where patch_level_id = patch_levels.id)`,
  );
}
