// What the repository has is read as a client reads it, with the same checks: from the folder that this server serves. A state that is
// half copied, expired or altered is not taken over; the last good one stays and the reason is shown. So no update is known here
// before clients could get it.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findTarget,
  listRoles,
  openDirectorySource,
  openMetadataStore,
  readUpdateTarget,
  refreshMetadata,
} from '@resplice/update/repository';
import { sql } from 'drizzle-orm';
import { type Orm, selectRows } from '../database/database.js';
import { publishedUpdates } from '../database/schema.js';
import { announce } from '../live/announcement.js';
import { bumpCatalogue } from './catalogue.js';

const LOOK_EVERY_MS = 2000;
/** Also without a change: metadata expires. */
const VERIFY_EVERY_MS = 60_000;

export interface RepositoryChange {
  /** Paths of targets. */
  readonly added: readonly string[];
  readonly gone: readonly string[];
}

export interface RepositoryState {
  readonly folder: string;
  /** Of the first root; null before one could be read. */
  readonly rootSha256: string | null;
  readonly verifiedAt: Date | null;
  /** Null when the present state is good. */
  readonly problem: string | null;
}

type Row = typeof publishedUpdates.$inferInsert;

export class RepositoryWatch {
  #state: RepositoryState | undefined;
  #seen = '';
  #verifiedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> | undefined;

  constructor(
    private readonly orm: Orm,
    private readonly folder: string | undefined,
    private readonly memory: string,
    private readonly changed: (change: RepositoryChange) => void,
  ) {
    if (folder !== undefined)
      this.#state = { folder, rootSha256: null, verifiedAt: null, problem: 'not read yet' };
  }

  /** Undefined when this server has no repository. */
  get state(): RepositoryState | undefined {
    return this.#state;
  }

  async start(): Promise<void> {
    if (this.folder === undefined) return;
    await this.look();
    this.#timer = setInterval(() => {
      this.#running ??= this.look().finally(() => {
        this.#running = undefined;
      });
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Reads the repository when its timestamp is another one or was verified too long ago. Never rejects. */
  async look(): Promise<void> {
    const { folder } = this;
    if (folder === undefined) return;
    try {
      const timestamp = (await readFile(join(folder, 'metadata/timestamp.json'))).toString('base64');
      if (timestamp === this.#seen && Date.now() - this.#verifiedAt < VERIFY_EVERY_MS) return;
      const { rows, rootSha256 } = await readRepository(folder, this.memory);
      this.changed(await storePublished(this.orm, rows, new Date()));
      this.#seen = timestamp;
      this.#verifiedAt = Date.now();
      this.#state = { folder, rootSha256, verifiedAt: new Date(), problem: null };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.#state = { folder, rootSha256: null, verifiedAt: null, ...this.#state, problem };
    }
  }
}

async function readRepository(folder: string, memory: string) {
  const root = await readFile(join(folder, 'metadata/1.root.json'));
  const rootSha256 = createHash('sha256').update(root).digest('hex');
  const trusted = await refreshMetadata({
    source: openDirectorySource(folder),
    store: openMetadataStore(join(memory, rootSha256.slice(0, 16))),
    root,
    now: new Date(),
  });
  const paths = new Set(
    (await listRoles(trusted)).flatMap(({ file }) => Object.keys(file.metadata.signed.targets)),
  );
  const rows: Row[] = [];
  for (const path of [...paths].filter((each) => each.endsWith('.splice')).sort()) {
    const found = await findTarget(trusted, path);
    if (found === undefined) continue;
    const { target } = found;
    const info = readUpdateTarget(target);
    rows.push({
      path,
      updateId: info.id,
      buildId: info.kernel.buildId,
      kernelRelease: info.kernel.release,
      kernelVersion: info.kernel.version,
      description: info.description,
      cves: info.cves,
      engine: info.engine,
      requires: info.requires,
      cumulative: info.cumulative ?? null,
      length: target.length,
      sha256: target.hashes.sha256 ?? '',
      publishedAt: new Date(),
    });
  }
  return { rows, rootSha256 };
}

/** One transaction: other processes and check-ins see the state before or the state after. */
function storePublished(orm: Orm, rows: readonly Row[], now: Date): Promise<RepositoryChange> {
  return orm.transaction(async (transaction) => {
    // Several servers that share a database look at the same moment.
    await transaction.execute(sql`select version from catalogue_state where id = 1 for update`);
    const present = await selectRows<{ path: string; sha256: string; gone: boolean }>(
      transaction,
      sql`select path, sha256, gone_at is not null gone from published_updates`,
    );
    const known = new Map(present.map((row) => [row.path, row]));
    const wanted = new Set(rows.map(({ path }) => path));
    const added = rows.filter(({ path }) => known.get(path)?.gone !== false);
    const gone = present.filter((row) => !row.gone && !wanted.has(row.path)).map(({ path }) => path);
    for (const row of added) {
      const { publishedAt, ...fields } = row;
      await transaction
        .insert(publishedUpdates)
        .values({ ...fields, publishedAt: now })
        .onConflictDoUpdate({ target: publishedUpdates.path, set: { ...fields, goneAt: null } });
    }
    if (gone.length > 0) {
      await transaction.execute(
        sql`update published_updates set gone_at = ${now.toISOString()}::timestamptz where path = any(${sql.param(gone)}::text[])`,
      );
    }
    if (added.length + gone.length > 0) await bumpCatalogue(transaction);
    await announce(transaction, 'all', 'updates', [...added.map(({ path }) => path), ...gone]);
    return { added: added.map(({ path }) => path), gone };
  });
}
