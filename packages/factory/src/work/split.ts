// A release becomes units, and each unit a candidate for every kernel that is wanted: kernels of the older version that machines run now, and
// those that somebody named.

import {
  listFetchedKernels,
  type ReleaseUnit,
  resolveKernel,
  splitRelease,
  systemApt,
} from '@resplice/build';
import { InputError } from '@resplice/report';
import {
  addUnits,
  factoryReleases,
  keepArtefact,
  listFleetKernels,
  type Orm,
  type SplitUnit,
  type TargetKernel,
} from '@resplice/server/factory';
import { eq, sql } from 'drizzle-orm';
import type { JobContext, JobHandler } from '../job-context.js';
import { keepPatches, readSeries } from './series.js';

type Release = typeof factoryReleases.$inferSelect;

export const splitHandler: JobHandler = {
  async work(context) {
    const { orm, job, who, note } = context;
    const [release] = await orm.select().from(factoryReleases).where(eq(factoryReleases.id, job.target));
    if (release === undefined) return async () => {};
    await orm.update(factoryReleases).set({ state: 'splitting' }).where(eq(factoryReleases.id, release.id));
    const { units, untiedCves } = await listUnits(context, release);
    const kernels = await listKernels(context, release);
    note(
      `${units.length} units for ${kernels.map((kernel) => `${kernel.release} (${kernel.version})`).join(', ')}`,
    );
    return async (transaction) => {
      await addUnits(transaction, release, units, kernels, who);
      await transaction
        .update(factoryReleases)
        .set({
          state: 'ready',
          problem: null,
          untiedCves,
          splitAt: sql`coalesce(${factoryReleases.splitAt}, now())`,
        })
        .where(eq(factoryReleases.id, release.id));
    };
  },
  async giveUp(transaction: Orm, job, problem) {
    await transaction
      .update(factoryReleases)
      .set({ state: 'failed', problem })
      .where(eq(factoryReleases.id, job.target));
  },
};

async function listUnits(
  context: JobContext,
  release: Release,
): Promise<{ readonly units: readonly SplitUnit[]; readonly untiedCves: readonly string[] }> {
  const { only } = release;
  if (release.source !== 'debian') {
    const units: SplitUnit[] = [];
    for (const patch of await readSeries(context, release)) {
      const unit = await keepPatches(context, [patch]);
      if (isWanted(only, unit)) units.push(unit);
    }
    return { units, untiedCves: [] };
  }
  const { fromVersion: from, toVersion: to, watchId } = release;
  const split = await splitRelease({ from, to }, context);
  const wanted = split.units.filter(({ id: name, files, cves }) => isWanted(only, { name, files, cves }));
  // A person has mistyped it; a watch has found a release that is none of its business.
  if (wanted.length === 0 && watchId === null)
    throw new InputError('no-units', 'no unit of the release has one of these names, files or CVEs');
  const units: SplitUnit[] = [];
  for (const unit of wanted) units.push(await keepUnit(context, unit));
  return { units, untiedCves: only === null ? split.untiedCves : [] };
}

/** Whether one of the wishes is the unit's name, a CVE of it, a file of it, or, ending in `/`, a folder above one. */
export function isWanted(
  only: readonly string[] | null,
  {
    name,
    files,
    cves,
  }: Pick<SplitUnit, 'name' | 'files'> & { readonly cves: readonly { readonly cve: string }[] },
): boolean {
  if (only === null) return true;
  return only.some(
    (wish) =>
      wish === name ||
      files.some((file) => file === wish || (wish.endsWith('/') && file.startsWith(wish))) ||
      cves.some(({ cve }) => cve === wish.toUpperCase()),
  );
}

/** Its patch in the store, and the row for it. */
export async function keepUnit(
  { artefacts, job }: Pick<JobContext, 'artefacts' | 'job'>,
  { id, files, subjects, cves, joined, patch }: ReleaseUnit,
): Promise<SplitUnit> {
  const sha256 = await keepArtefact(artefacts, job.organisationId, 'patch', patch);
  return { name: id, files, subjects, cves, joined, sha256 };
}

async function listKernels({ orm, signal }: JobContext, release: Release): Promise<readonly TargetKernel[]> {
  const fetched = await listFetchedKernels({ signal });
  const kernels = new Map<string, TargetKernel>();
  for (const spec of release.kernels) {
    const { release: name, version } = await resolveKernel(spec, systemApt(), { fetched });
    if (release.source === 'debian' && version !== release.fromVersion)
      throw new InputError(
        'wrong-kernel',
        `${spec} is of version ${version}; the units are for ${release.fromVersion}: name a kernel of that version`,
      );
    kernels.set(`${name}=${version}`, { release: name, version });
  }
  if (release.source === 'debian' && kernels.size === 0)
    for (const { release: name, version } of await listFleetKernels(orm, release.organisationId))
      if (version === release.fromVersion) kernels.set(`${name}=${version}`, { release: name, version });
  if (kernels.size === 0)
    throw new InputError(
      'no-kernels',
      `no machine runs a kernel of version ${release.fromVersion}; name the kernels that are to get the updates`,
    );
  return [...kernels.values()];
}
