// A candidate as a split would have made it, without a worker.

import { and, eq } from 'drizzle-orm';
import { hashOf } from '../../src/factory/artefact-name.js';
import { addUnits } from '../../src/factory/release-change.js';
import { factoryCandidates, factoryReleases, factoryUnits } from '../../src/factory/tables.js';
import { KERNEL, type TestServer } from './test-server.js';

/** Its id. */
export async function addTestCandidate(
  server: Pick<TestServer, 'running'>,
  releaseId: string,
  name = 'secret-unit-123456',
): Promise<string> {
  const { orm } = server.running.service.database;
  const [release] = await orm.select().from(factoryReleases).where(eq(factoryReleases.id, releaseId));
  if (release === undefined) throw new Error('no such release');
  const tie = { subject: 'a fix', confidence: 'certain', why: 'the same file' } as const;
  const unit = {
    name,
    files: ['net/core/sock.c'],
    subjects: [tie],
    cves: [{ ...tie, cve: 'CVE-2026-1111' }],
    joined: [],
    sha256: hashOf(name),
  };
  await orm.transaction((transaction) => addUnits(transaction, release, [unit], [KERNEL], 'worker test'));
  const [row] = await orm
    .select({ id: factoryCandidates.id })
    .from(factoryCandidates)
    .innerJoin(factoryUnits, eq(factoryUnits.id, factoryCandidates.unitId))
    .where(and(eq(factoryCandidates.releaseId, releaseId), eq(factoryUnits.name, name)));
  if (row === undefined) throw new Error('no candidate was made');
  return row.id;
}
