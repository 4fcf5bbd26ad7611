import { type KernelIdentity, listFetchedKernels, listOfferedKernels, systemApt } from '@resplice/build';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { runSession } from '../session.js';

export function kernelListCommand() {
  return newCommand('list', 'list the kernels that are in the cache or that apt offers with their source', [
    'resplice kernel list',
  ]).action((options) =>
    runSession(options, async () => {
      const { kernels } = await listOfferedKernels(systemApt());
      return renderKernels(
        kernels.map(({ identity }) => identity),
        await listFetchedKernels(),
      );
    }),
  );
}

export function renderKernels(
  offered: readonly KernelIdentity[],
  fetched: readonly KernelIdentity[],
): Outcome {
  const key = ({ release, version }: KernelIdentity): string => `${release}=${version}`;
  const all = new Map([...offered, ...fetched].map((identity) => [key(identity), identity]));
  const has = (list: readonly KernelIdentity[], wanted: string): boolean =>
    list.some((each) => key(each) === wanted);
  const kernels = [...all].map(([name, identity]) => ({
    ...identity,
    offered: has(offered, name),
    fetched: has(fetched, name),
  }));
  const rows = kernels.map((kernel) => [
    kernel.release,
    kernel.version,
    kernel.fetched ? 'in the cache' : '',
    kernel.offered ? '' : 'no longer offered',
  ]);
  const none = ['apt offers no kernel with its source, and the cache has none; run "apt-get update"'];
  return done({ kernels }, rows.length === 0 ? none : alignColumns([['RELEASE', 'VERSION'], ...rows]));
}
