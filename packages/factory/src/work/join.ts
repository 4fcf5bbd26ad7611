// Units that do not compile or apply alone are tried as one with what they need of their release or series. The joined unit is a unit of its own;
// its parts wait for good, and say for which one.

import { joinIncomplete } from '@resplice/build';
import {
  addUnits,
  type CandidateRecord,
  factoryCandidates,
  factoryReleases,
  factoryUnits,
  lockCandidate,
  moveCandidate,
  type Orm,
  type SplitUnit,
} from '@resplice/server/factory';
import { and, eq } from 'drizzle-orm';
import type { JobContext, JobHandler } from '../job-context.js';
import { joinPatches, type SeriesPart } from './series.js';
import { keepUnit } from './split.js';

interface Part extends SeriesPart {
  readonly candidate: CandidateRecord;
}

export const joinHandler: JobHandler = {
  async work(context) {
    const { orm, job, who, note } = context;
    const [release] = await orm
      .select()
      .from(factoryReleases)
      .where(eq(factoryReleases.id, job.releaseId ?? ''));
    if (release === undefined || job.kernel === null) return async () => {};
    const [kernelRelease = '', kernelVersion = ''] = job.kernel.split('=');
    const parts = await listParts(orm, release.id, { kernelRelease, kernelVersion });
    const units =
      release.source === 'debian'
        ? await joinOfRelease(context, release, parts)
        : await joinPatches(context, release, parts);
    for (const { name, joined } of units) note(`${name}: ${joined.join(', ')}`);
    return async (transaction) => {
      await addUnits(transaction, release, units, [{ release: kernelRelease, version: kernelVersion }], who);
      await settleParts(transaction, parts, units, who);
    };
  },
  async giveUp(transaction, job, problem, who) {
    const [kernelRelease = '', kernelVersion = ''] = (job.kernel ?? '').split('=');
    const parts = await listParts(transaction, job.releaseId ?? '', { kernelRelease, kernelVersion });
    await settleParts(transaction, parts, [], who, problem);
  },
};

async function joinOfRelease(
  context: JobContext,
  { fromVersion: from, toVersion: to }: typeof factoryReleases.$inferSelect,
  parts: readonly Part[],
): Promise<readonly SplitUnit[]> {
  const answers = new Map(parts.map(({ name, candidate }) => [name, candidate.reasons]));
  const joined = await joinIncomplete({ from, to, kernel: context.job.kernel ?? '' }, answers, context);
  const units: SplitUnit[] = [];
  for (const unit of joined) units.push(await keepUnit(context, unit));
  return units;
}

async function listParts(
  orm: Orm,
  releaseId: string,
  { kernelRelease, kernelVersion }: Pick<CandidateRecord, 'kernelRelease' | 'kernelVersion'>,
): Promise<readonly Part[]> {
  return orm
    .select({ candidate: factoryCandidates, name: factoryUnits.name, joined: factoryUnits.joined })
    .from(factoryCandidates)
    .innerJoin(factoryUnits, eq(factoryUnits.id, factoryCandidates.unitId))
    .where(
      and(
        eq(factoryCandidates.releaseId, releaseId),
        eq(factoryCandidates.kernelRelease, kernelRelease),
        eq(factoryCandidates.kernelVersion, kernelVersion),
      ),
    );
}

/** Parts of the joined units wait for those; whom nothing helps needs a person. */
async function settleParts(
  transaction: Orm,
  parts: readonly Part[],
  units: readonly SplitUnit[],
  who: string,
  problem = 'nothing in the release makes it compile',
): Promise<void> {
  for (const {
    candidate: { id },
    name,
  } of parts) {
    const candidate = await lockCandidate(transaction, id);
    const unit = units.find(({ joined }) => joined.includes(name));
    if (unit !== undefined && !['approved', 'published', 'testing', 'tested'].includes(candidate.state))
      await moveCandidate(transaction, candidate, {
        event: 'joined',
        who,
        why: `joined into ${unit.name}`,
        set: { waitingFor: unit.name },
      });
    else if (candidate.state === 'waiting' && candidate.waitingFor === null)
      await moveCandidate(transaction, candidate, { event: 'found-needs-code', who, why: problem });
  }
}
