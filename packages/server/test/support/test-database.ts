// The two databases that the tests run on: one of PostgreSQL (cluster.ts), and an embedded one, copied from a template because making one takes seconds.

import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERSION } from '@resplice/report';
import { listMigrations } from '../../src/database/migration.js';
import { openDatabase } from '../../src/database/open-database.js';

export const KINDS = ['embedded', 'postgresql'] as const;
export type Kind = (typeof KINDS)[number];

export async function makeFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'resplice-server-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A folder with an embedded database of the present schema in it. */
export async function copyEmbedded(folder: string): Promise<void> {
  const name = `resplice-test-template-${VERSION}-${listMigrations()
    .map(({ hash }) => hash.slice(0, 8))
    .join('-')}`;
  const template = join(tmpdir(), name);
  if (!existsSync(template)) {
    const made = await mkdtemp(join(tmpdir(), 'resplice-template-'));
    await (await openDatabase({ folder: made })).close();
    // Another test may have been first; then this one was for nothing.
    await rename(made, template).catch(() => rm(made, { recursive: true, force: true }));
  }
  await mkdir(folder, { recursive: true });
  await cp(template, folder, { recursive: true });
}
