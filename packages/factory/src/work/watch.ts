// Looks for new kernels: what apt offers is compared with what machines run, and each older kernel of a branch gets the release that leads to
// the newest version of that branch, or to the one that the watch is held at. Of a git repository, the commits since the last look are a release.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import {
  listFetchedKernels,
  listOfferedKernels,
  refreshPackageLists,
  resolveKernel,
  systemApt,
} from '@resplice/build';
import {
  addRelease,
  describePair,
  describeRange,
  factoryWatches,
  listFleetKernels,
  type Orm,
  type TargetKernel,
} from '@resplice/server/factory';
import { compareVersions } from '@resplice/update';
import { eq, sql } from 'drizzle-orm';
import type { JobContext, JobHandler, Recorder } from '../job-context.js';

type Watch = typeof factoryWatches.$inferSelect;

export const watchHandler: JobHandler = {
  async work(context) {
    const { orm, job } = context;
    const [watch] = await orm.select().from(factoryWatches).where(eq(factoryWatches.id, job.target));
    if (watch === undefined) return async () => {};
    return watch.kind === 'apt' ? watchApt(context, watch) : watchGit(context, watch);
  },
  async giveUp(transaction, job, problem) {
    await record(transaction, job.target, { problem });
  },
};

async function watchApt({ orm, note, signal }: JobContext, watch: Watch): Promise<Recorder> {
  const lookedAt = new Date();
  const stale = await refreshPackageLists(signal);
  if (stale !== undefined) note(stale);
  const apt = systemApt();
  const { kernels } = await listOfferedKernels(apt);
  const offered = kernels
    .map(({ identity }) => identity)
    .filter(({ version }) => isOfBranch(version, watch.branch))
    .filter(({ version }) => watch.upTo === null || compareVersions(version, watch.upTo) <= 0);
  const versions = [...new Set(offered.map(({ version }) => version))];
  const fleet = (await listFleetKernels(orm, watch.organisationId)).filter(
    ({ flavour, version }) =>
      isOfBranch(version, watch.branch) && (watch.flavours.length === 0 || watch.flavours.includes(flavour)),
  );
  const fetched = await listFetchedKernels({ signal });
  const configured: TargetKernel[] = [];
  for (const spec of watch.kernels) configured.push(await resolveKernel(spec, apt, { fetched }));
  const running = [...fleet, ...configured];
  const pairs = findPairs(running, versions);
  for (const { from, to } of pairs) note(`${from} → ${to}`);
  if (pairs.length === 0) note('no machine runs a kernel that is older than what is offered');
  return async (transaction) => {
    for (const { from, to } of pairs) {
      const kernels = running.filter(({ version }) => version === from);
      const specs = new Set(kernels.map(({ release, version }) => `${release}=${version}`));
      await addRelease(transaction, watch.organisationId, {
        ...describePair(from, to, [...specs], watch.only),
        watchId: watch.id,
        // Seen before: then a machine is new, not the version.
        offeredAt: watch.seen.includes(to) ? null : lookedAt,
      });
    }
    await record(transaction, watch.id, { problem: null, seen: versions });
  };
}

/** From each version that runs to the newest of its branch. */
export function findPairs(
  running: readonly Pick<TargetKernel, 'version'>[],
  offered: readonly string[],
): readonly { readonly from: string; readonly to: string }[] {
  const versions = [...new Set(running.map(({ version }) => version))].sort(compareVersions);
  return versions.flatMap((from) => {
    const newest = offered
      .filter((version) => branchOf(version) === branchOf(from))
      .toSorted(compareVersions)
      .at(-1);
    return newest === undefined || compareVersions(newest, from) <= 0 ? [] : [{ from, to: newest }];
  });
}

/** `6.1` of `6.1.170-3`. */
function branchOf(version: string): string {
  return /^\d+\.\d+/.exec(version)?.[0] ?? version;
}

function isOfBranch(version: string, branch: string | null): boolean {
  return branch === null || version === branch || version.startsWith(`${branch}.`);
}

async function watchGit({ note, signal }: JobContext, watch: Watch): Promise<Recorder> {
  const { repository, branch, seen, kernels } = watch;
  const revision = branch ?? 'HEAD';
  const { stdout } = await promisify(execFile)(
    'git',
    ['-C', repository ?? '.', 'rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`],
    { signal },
  );
  const head = stdout.trim();
  const [last] = seen;
  note(last === head ? `${revision} is at ${head}, as before` : `${revision} is at ${head}`);
  return async (transaction) => {
    // The first look only says where to begin.
    if (last !== undefined && last !== head && repository !== null) {
      const range = `${last}..${head}`;
      const title = `${revision}, ${last.slice(0, 12)}..${head.slice(0, 12)}`;
      await addRelease(transaction, watch.organisationId, {
        ...describeRange({ repository, range }, { title, kernels, only: watch.only }),
        watchId: watch.id,
      });
    }
    await record(transaction, watch.id, { problem: null, seen: [head] });
  };
}

async function record(
  transaction: Orm,
  id: string,
  change: { readonly problem: string | null; readonly seen?: readonly string[] },
): Promise<void> {
  await transaction
    .update(factoryWatches)
    .set({ ...change, checkedAt: sql`now()` })
    .where(eq(factoryWatches.id, id));
}
