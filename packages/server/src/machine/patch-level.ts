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

/** Levels that were seen, by organisation and hash, so that a fleet that does not change asks the database for none. */
export class PatchLevelIndex {
  readonly #ids = new Map<string, number>();
  readonly #levels = new Map<number, KnownLevel>();

  /** Ids of these levels; made when they are new. */
  async resolve(
    orm: Pick<Orm, 'execute'>,
    wanted: readonly { readonly organisationId: string; readonly hash: string; readonly level: PatchLevel }[],
  ): Promise<(organisationId: string, hash: string) => number> {
    const missing = new Map(
      wanted
        .map((each) => [`${each.organisationId} ${each.hash}`, each] as const)
        .filter(([key]) => !this.#ids.has(key)),
    );
    const sorted = [...missing.values()].sort((a, b) => (a.hash < b.hash ? -1 : 1));
    for (const { organisationId, hash, level } of sorted) {
      const updates = JSON.stringify(level.updates);
      // The update that changes nothing makes the row come back when another process was first.
      const [row] = await selectRows<{ id: string | number }>(
        orm,
        sql`insert into patch_levels (organisation_id, hash, kernel_release, kernel_version, build_id, architecture, flavour,
              effective_release, cves_fixed, cves_open, updates)
            values (${organisationId}, ${hash}, ${level.kernelRelease}, ${level.kernelVersion}, ${level.buildId},
              ${level.architecture}, ${level.flavour}, ${level.effectiveRelease}, ${level.cvesFixed}, ${level.cvesOpen},
              ${updates}::jsonb)
            on conflict (organisation_id, hash) do update set hash = excluded.hash returning id`,
      );
      this.#remember(`${organisationId} ${hash}`, { ...level, id: Number(row?.id) });
    }
    return (organisationId, hash) => this.#ids.get(`${organisationId} ${hash}`) ?? Number.NaN;
  }

  /** Levels by id, for what a machine had before. */
  async load(orm: Pick<Orm, 'execute'>, ids: readonly number[]): Promise<ReadonlyMap<number, KnownLevel>> {
    const missing = ids.filter((id) => !this.#levels.has(id));
    if (missing.length > 0) {
      for (const level of await selectLevels(orm, sql`id in ${missing}`)) this.#levels.set(level.id, level);
    }
    return this.#levels;
  }

  /** After an error: the transaction that made levels may be gone, or another process removed unused ones. */
  forget(): void {
    this.#ids.clear();
    this.#levels.clear();
  }

  #remember(key: string, level: KnownLevel): void {
    if (this.#ids.size > 50_000) this.forget();
    this.#ids.set(key, level.id);
    this.#levels.set(level.id, level);
  }
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
