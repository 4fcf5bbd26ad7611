// What is published for a kernel now: the newest cumulative update, which lies below whatever is tried on that kernel.

import { factoryCumulatives, type KernelName, ofKernel } from '@resplice/server/factory';
import type { Update } from '@resplice/update';
import { and, desc, eq } from 'drizzle-orm';
import type { JobContext } from '../job-context.js';
import { readUpdateArtefact } from './make-update.js';

export type CumulativeRow = typeof factoryCumulatives.$inferSelect;

export function parseKernel(spec: string): KernelName {
  const [kernelRelease = '', kernelVersion = ''] = spec.split('=');
  return { kernelRelease, kernelVersion };
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
