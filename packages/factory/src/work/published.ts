// What is published for a kernel now: the newest cumulative update, which lies below whatever is tried on that kernel.

import { type factoryCandidates, factoryCumulatives } from '@resplice/server/factory';
import type { Update } from '@resplice/update';
import { and, desc, eq, type SQL } from 'drizzle-orm';
import type { JobContext } from '../job-context.js';
import { readUpdateArtefact } from './make-update.js';

export interface KernelName {
  readonly kernelRelease: string;
  readonly kernelVersion: string;
}

export type CumulativeRow = typeof factoryCumulatives.$inferSelect;

export function parseKernel(spec: string): KernelName {
  const [kernelRelease = '', kernelVersion = ''] = spec.split('=');
  return { kernelRelease, kernelVersion };
}

/** Rows of the job's organisation for this kernel, of either table. */
export function ofKernel(
  table: typeof factoryCandidates | typeof factoryCumulatives,
  { organisationId }: JobContext['job'],
  { kernelRelease, kernelVersion }: KernelName,
): SQL | undefined {
  return and(
    eq(table.organisationId, organisationId),
    eq(table.kernelRelease, kernelRelease),
    eq(table.kernelVersion, kernelVersion),
  );
}

export async function findNewest(
  { orm, job }: Pick<JobContext, 'orm' | 'job'>,
  kernel: KernelName,
): Promise<CumulativeRow | undefined> {
  const [row] = await orm
    .select()
    .from(factoryCumulatives)
    .where(and(ofKernel(factoryCumulatives, job, kernel), eq(factoryCumulatives.state, 'published')))
    .orderBy(desc(factoryCumulatives.number))
    .limit(1);
  return row;
}

export async function readCumulative(
  context: Pick<JobContext, 'artefacts' | 'job'>,
  row: CumulativeRow | undefined,
): Promise<readonly Update[]> {
  // One without content took everything back.
  if (row?.sha256 == null) return [];
  return [await readUpdateArtefact(context, row.sha256)];
}

/** Whether both have a hand on the same function, so that one cannot be applied beside the other. */
export function overlap(a: Update, b: Update): boolean {
  const keys = ({ manifest }: Update) =>
    manifest.objects.flatMap((object) =>
      object.functions.map(({ name, position }) => `${object.name} ${name} ${position}`),
    );
  const held = new Set(keys(b));
  return keys(a).some((key) => held.has(key));
}
