// The next cumulative update of a kernel: all units that are approved, combined, tried in a guest in the place of the one before, and
// published with the updates of the units themselves. A unit that cannot be combined or whose update a guest refuses is left out, so that it
// keeps nothing from machines. Every step can be repeated: what was made is found again by its content, publishing the same file twice changes
// nothing, and only then it is written down.

import { randomUUID } from 'node:crypto';
import {
  factoryCandidates,
  factoryCumulatives,
  type KernelName,
  keepArtefact,
  lockCandidate,
  moveCandidate,
  type Orm,
  ofKernel,
} from '@resplice/server/factory';
import { encodeUpdate, type Update } from '@resplice/update';
import { and, eq, inArray } from 'drizzle-orm';
import type { JobContext, JobHandler } from '../job-context.js';
import { assemble } from './assemble.js';
import { type CombinedUnit, cumulativeId, readCombined } from './combine.js';
import type { LeftOutUnit } from './hold-together.js';
import { readUpdateArtefact } from './make-update.js';
import { type CumulativeRow, findNewest, overlap, parseKernel } from './published.js';

export const publishHandler: JobHandler = {
  async work(context) {
    const { job, publisher, note } = context;
    if (publisher === undefined) throw new Error('this worker has no repository; start it with --site');
    const kernel = parseKernel(job.target);
    const previous = await findNewest(context, kernel);
    const units = await readCombined(context, await listApproved(context, kernel));
    const number = (previous?.number ?? 0) + 1;
    const row = await openCumulative(context, kernel, { number, units });
    const [single, together] = [units.filter(standsAlone), units.filter((each) => !standsAlone(each))];
    const { kept, made: update, leftOut: loose } = await assemble(context, together, { number, previous });
    const { beside, inTheWay } = await findBeside(context, single, update);
    const leftOut = [...loose, ...inTheWay];
    // Rather the machines keep what they have than lose it to a guest that does not work.
    if (together.length > 0 && update === undefined)
      return recordFailure(row.id, leftOut[0]?.problem ?? 'nothing holds');
    const plan = { units: [...kept, ...beside], update, previous, kernel };
    await publishAll(context, plan);
    note(update === undefined ? 'there is nothing to combine' : `published ${update.manifest.id}`);
    return async (transaction) => recordPublished(transaction, context, row.id, { ...plan, leftOut });
  },
  async giveUp(transaction, job, problem) {
    const kernel = parseKernel(job.target);
    await transaction
      .update(factoryCumulatives)
      .set({ state: 'failed', problem })
      .where(and(ofKernel(factoryCumulatives, job, kernel), eq(factoryCumulatives.state, 'building')));
  },
};

/** What the livepatch engine does cannot be a part of a cumulative update, which takes the place of the one before in one moment. */
function standsAlone({ candidate }: CombinedUnit): boolean {
  return candidate.engine === 'livepatch';
}

async function findBeside(
  context: JobContext,
  single: readonly CombinedUnit[],
  update: Update | undefined,
): Promise<Beside<CombinedUnit>> {
  const own = new Map<CombinedUnit, Update>();
  for (const unit of single) {
    const { updateSha256 } = unit.candidate;
    if (updateSha256 !== null) own.set(unit, await readUpdateArtefact(context, updateSha256));
  }
  return standBeside(own, update);
}

interface Beside<Unit> {
  readonly beside: readonly Unit[];
  readonly inTheWay: readonly LeftOutUnit<Unit>[];
}

/** A function has one engine: where both have a hand on one, a machine with the single update would refuse the cumulative one. */
export function standBeside<Unit>(
  single: ReadonlyMap<Unit, Update>,
  update: Update | undefined,
): Beside<Unit> {
  const [beside, inTheWay]: [Unit[], LeftOutUnit<Unit>[]] = [[], []];
  for (const [unit, own] of single) {
    if (update === undefined || !overlap(own, update)) beside.push(unit);
    else inTheWay.push({ unit, problem: 'both replace a function, and this one by the livepatch engine' });
  }
  return { beside, inTheWay };
}

async function listApproved({ orm, job }: JobContext, kernel: KernelName) {
  return orm
    .select()
    .from(factoryCandidates)
    .where(
      and(
        ofKernel(factoryCandidates, job, kernel),
        inArray(factoryCandidates.state, ['approved', 'published']),
      ),
    );
}

/** The row of this number; one that failed is tried again. */
async function openCumulative(
  { orm, job }: JobContext,
  kernel: KernelName,
  { number, units }: { readonly number: number; readonly units: readonly CombinedUnit[] },
): Promise<CumulativeRow> {
  const content = {
    ...{ state: 'building' as const, problem: null, leftOut: [] },
    updateId: cumulativeId(job.target, number),
    ...describeContent(units),
  };
  const [row] = await orm
    .insert(factoryCumulatives)
    .values({ id: randomUUID(), organisationId: job.organisationId, ...kernel, number, ...content })
    .onConflictDoUpdate({
      target: [
        factoryCumulatives.organisationId,
        factoryCumulatives.kernelRelease,
        factoryCumulatives.kernelVersion,
        factoryCumulatives.number,
      ],
      set: content,
    })
    .returning();
  if (row === undefined) throw new Error('a cumulative update wrote no row');
  return row;
}

function describeContent(units: readonly CombinedUnit[]) {
  return {
    candidates: units.map(({ candidate }) => candidate.id),
    units: units.map(({ unit }) => unit.name),
    cves: [...new Set(units.flatMap(({ unit }) => unit.cves))].sort(),
  };
}

interface Plan {
  readonly units: readonly CombinedUnit[];
  readonly update: Update | undefined;
  readonly previous: CumulativeRow | undefined;
  readonly kernel: KernelName;
}

async function publishAll(context: JobContext, { units, update, previous, kernel }: Plan): Promise<void> {
  const { publisher } = context;
  const own = await listOwn(context, kernel);
  const buildId = update?.manifest.kernel.buildId ?? own.buildId;
  if (publisher === undefined || buildId === undefined) return;
  const published = new Set(await publisher.list(buildId));
  const single: Update[] = [];
  for (const { candidate } of units) {
    if (candidate.updateSha256 === null || published.has(candidate.updateId ?? '')) continue;
    single.push(await readUpdateArtefact(context, candidate.updateSha256));
  }
  const wanted = new Set([
    ...(update === undefined ? [] : [update.manifest.id]),
    ...(update !== undefined && previous !== undefined && mayStay(previous, units)
      ? [previous.updateId]
      : []),
    ...units.flatMap(({ candidate }) => candidate.updateId ?? []),
  ]);
  const withdrawn = [...published].filter((id) => own.ids.has(id) && !wanted.has(id));
  const family = /^\d+\.\d+/.exec(kernel.kernelRelease)?.[0];
  await publisher.publish({
    updates: [...single, ...(update === undefined || published.has(update.manifest.id) ? [] : [update])],
    withdrawn: withdrawn.map((id) => `linux-${family}/${buildId}/${id}.splice`),
  });
}

/** For machines of rings that the new one is not released to yet; not when something in it was withdrawn. */
function mayStay(previous: CumulativeRow, units: readonly CombinedUnit[]): boolean {
  const present = new Set(units.map(({ candidate }) => candidate.id));
  return previous.candidates.every((id) => present.has(id));
}

/** Ids of updates that this factory has made for the kernel; others in the repository are none of its business. */
async function listOwn({ orm, job }: JobContext, kernel: KernelName) {
  const candidates = await orm
    .select({ id: factoryCandidates.updateId, buildId: factoryCandidates.buildId })
    .from(factoryCandidates)
    .where(ofKernel(factoryCandidates, job, kernel));
  const cumulatives = await orm
    .select({ id: factoryCumulatives.updateId })
    .from(factoryCumulatives)
    .where(ofKernel(factoryCumulatives, job, kernel));
  return {
    ids: new Set([...candidates, ...cumulatives].flatMap(({ id }) => id ?? [])),
    buildId: candidates.flatMap((row) => row.buildId ?? [])[0],
  };
}

function recordFailure(id: string, problem: string) {
  return async (transaction: Orm): Promise<void> => {
    await transaction
      .update(factoryCumulatives)
      .set({ state: 'failed', problem })
      .where(eq(factoryCumulatives.id, id));
  };
}

async function recordPublished(
  transaction: Orm,
  { artefacts, job, who }: JobContext,
  id: string,
  { units, update, leftOut }: Plan & { readonly leftOut: readonly LeftOutUnit<CombinedUnit>[] },
): Promise<void> {
  const bytes = update === undefined ? undefined : encodeUpdate(update);
  const sha256 =
    bytes === undefined ? null : await keepArtefact(artefacts, job.organisationId, 'update', bytes);
  await transaction
    .update(factoryCumulatives)
    .set({
      ...{ state: 'published', publishedAt: new Date(), length: bytes?.length ?? 0, sha256 },
      ...describeContent(units),
      leftOut: leftOut.map(({ unit: { unit }, problem }) => ({ unit: unit.name, why: problem })),
    })
    .where(eq(factoryCumulatives.id, id));
  for (const { candidate } of units) {
    const locked = await lockCandidate(transaction, candidate.id);
    // Withdrawn in the meantime: the next one will be without it.
    if (locked.state === 'approved' || locked.state === 'published')
      await moveCandidate(transaction, locked, { event: 'published', who });
  }
  for (const { unit, problem } of leftOut) {
    const locked = await lockCandidate(transaction, unit.candidate.id);
    const name = update === undefined ? 'the cumulative update' : update.manifest.id;
    const why = `left out of ${name}, which is without it: ${problem}`.slice(0, 4000);
    if (locked.state === 'approved' || locked.state === 'published')
      await moveCandidate(transaction, locked, { event: 'left-out', who, why });
  }
}
