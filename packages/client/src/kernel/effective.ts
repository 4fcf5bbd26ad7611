// Which release's security the running kernel has, live updates included, and which holes it still has. Only what the repository said and the
// kernel has is counted: the effective release rises to a later one when all updates that bring it, and all of earlier releases, are applied.

import { listUpdates } from '@resplice/host';
import { compareVersions } from '@resplice/update';
import type { Client, Kernel } from '../client.js';
import { type KnownUpdate, openKnownUpdates } from '../state/known-updates.js';

export interface EffectiveKernel {
  readonly release: string;
  readonly version: string;
  /** Fixed by updates that are applied. */
  readonly fixed: readonly string[];
  /** That the repository has updates for, which are not applied; undefined when it was never asked about this kernel. */
  readonly open: readonly string[] | undefined;
  /** When it was asked. */
  readonly seen: string | undefined;
}

export function readEffectiveKernel({ machine, places, kernel }: Client): EffectiveKernel {
  const known = openKnownUpdates(places, kernel.buildId).read();
  const applied = listUpdates(machine).filter(({ state }) => state === 'applied');
  const ids = new Set(applied.map(({ id }) => id));
  const fixed = new Set(applied.flatMap(({ cves }) => cves));
  const open = known?.updates.filter(({ id }) => !ids.has(id)).flatMap(({ cves }) => cves);
  return {
    ...findEffectiveRelease(kernel, known?.updates ?? [], ids),
    fixed: [...fixed].sort(),
    open: open === undefined ? undefined : [...new Set(open)].filter((cve) => !fixed.has(cve)).sort(),
    seen: known?.seen,
  };
}

/** Pure. */
export function findEffectiveRelease(
  kernel: Pick<Kernel, 'release' | 'version'>,
  known: readonly Pick<KnownUpdate, 'id' | 'brings'>[],
  applied: ReadonlySet<string>,
): { readonly release: string; readonly version: string } {
  const steps = known
    .flatMap(({ id, brings }) => (brings === undefined ? [] : [{ id, brings }]))
    .sort((a, b) => compareVersions(a.brings.version, b.brings.version));
  const gap = steps.find(({ id }) => !applied.has(id));
  const reached = steps
    .filter(({ brings }) => gap === undefined || compareVersions(brings.version, gap.brings.version) < 0)
    .at(-1);
  if (reached === undefined || compareVersions(reached.brings.version, kernel.version) <= 0) {
    return { release: kernel.release, version: kernel.version };
  }
  return reached.brings;
}
