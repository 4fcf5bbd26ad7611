// What is known here of a stock kernel that somebody names: what the repository has for it, which everybody may read, and which later releases the
// factory of an organisation that allows it has split into fixes. Which release is later is not read from version numbers: a release knows the
// one that it was compared with.

import type { Exposure, ExposureQuery } from '@resplice/protocol/console';
import type { Catalogue, PublishedUpdate } from './catalogue.js';

/** `#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-05-01)`, or the version of the package alone. */
export function findPackageVersion(text: string): string | undefined {
  const named = /\bDebian (\d[^\s()]*)/.exec(text)?.[1];
  return named ?? /^\d[\w.+~:-]*$/.exec(text.trim())?.[0];
}

/** Also `Linux HOST 6.1.0-47-amd64 #1 SMP …`, as `uname -a` has it. */
export function findRelease(text: string): string | undefined {
  return text.split(/\s+/).find((word) => /^\d+\.\d+\S*$/.test(word));
}

/** A release that is known to follow another one, and what it fixes. */
export interface KnownRelease {
  readonly from: string;
  readonly to: string;
  readonly cves: readonly string[];
}

export function findExposure(
  catalogue: Catalogue,
  releases: readonly KnownRelease[],
  query: ExposureQuery,
): Exposure {
  const release = findRelease(query.release) ?? query.release;
  const version = findPackageVersion(query.version ?? query.release) ?? null;
  const ofRelease = catalogue.updates.filter(
    ({ kernelRelease, goneAt }) => kernelRelease === release && goneAt === null,
  );
  const own = version === null ? ofRelease : ofRelease.filter((row) => row.kernelVersion === version);
  const live = listLive(own);
  const fixedLive = new Set(live.map(({ cve }) => cve));
  const later = followReleases(releases, version ?? own[0]?.kernelVersion ?? '');
  const fixedIn = new Map<string, string>();
  for (const { to, cves } of later) for (const cve of cves) if (!fixedIn.has(cve)) fixedIn.set(cve, to);
  return {
    release,
    version,
    known: own.length > 0 || later.length > 0,
    live,
    reboot: [...fixedIn]
      .filter(([cve]) => !fixedLive.has(cve))
      .sort(([a], [b]) => compareCves(a, b))
      .map(([cve, to]) => ({ cve, fixedIn: to })),
    latest: later.at(-1)?.to ?? null,
  };
}

/** The nearest first. */
function followReleases(releases: readonly KnownRelease[], version: string): readonly KnownRelease[] {
  const found: KnownRelease[] = [];
  let ends = new Set([version]);
  while (ends.size > 0) {
    const next = releases.filter((release) => ends.has(release.from) && !found.includes(release));
    found.push(...next);
    ends = new Set(next.map(({ to }) => to));
  }
  return found;
}

function listLive(updates: readonly PublishedUpdate[]): Exposure['live'] {
  const byCve = new Map<string, Set<string>>();
  for (const { updateId, cves } of updates)
    for (const cve of cves) byCve.set(cve, (byCve.get(cve) ?? new Set()).add(updateId));
  return [...byCve]
    .sort(([a], [b]) => compareCves(a, b))
    .map(([cve, ids]) => ({ cve, updates: [...ids].sort() }));
}

/** The newest first. */
function compareCves(a: string, b: string): number {
  const [left, right] = [a, b].map((cve) => cve.split('-').map(Number));
  for (const at of [1, 2]) {
    const difference = (right?.[at] ?? 0) - (left?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
