// The kernels that apt offers now: an unsigned image together with headers and a source package of exactly its version.
// The unsigned image is the one that was built from linux-source; the signed one of the same release has the same contents but
// names another source package (linux-signed-amd64), so packages are joined by version and never by their Source field.

import { compareVersions } from '@resplice/update';
import type { Apt } from './apt.js';
import type { PackageRecord } from './control-record.js';
import { findFlavour, type KernelIdentity } from './kernel-identity.js';

export interface KernelPackages {
  readonly image: PackageRecord;
  readonly headers: PackageRecord;
  readonly source: PackageRecord;
}

export interface OfferedKernel {
  readonly identity: KernelIdentity;
  readonly packages: KernelPackages;
}

export interface KernelOffer {
  /** Newest version first, then by release. */
  readonly kernels: readonly OfferedKernel[];
  /** Images whose source or headers apt does not have at that version. */
  readonly incomplete: readonly {
    readonly release: string;
    readonly version: string;
    readonly missing: string;
  }[];
}

const IMAGE_NAME = /^linux-image-(.+)-unsigned$/;

/** Asks apt once for everything that could be a kernel; about one second. */
export async function listOfferedKernels(apt: Apt): Promise<KernelOffer> {
  const records = await apt.show('linux-(image-[0-9].*-unsigned|headers-[0-9].*|source-[0-9.]+)');
  return joinKernels(records);
}

/** Joins image, headers and source packages by their exact version. */
export function joinKernels(records: readonly PackageRecord[]): KernelOffer {
  const byName = new Map(records.map((record) => [`${record.name}=${record.version}`, record]));
  const sources = new Map(
    records.filter((record) => /^linux-source-[0-9.]+$/.test(record.name)).map((r) => [r.version, r]),
  );
  const kernels: OfferedKernel[] = [];
  const incomplete: { release: string; version: string; missing: string }[] = [];
  for (const image of new Set(byName.values())) {
    const release = IMAGE_NAME.exec(image.name)?.[1];
    const parts = release === undefined ? undefined : findFlavour(release);
    if (release === undefined || parts === undefined) continue;
    const headers = byName.get(`linux-headers-${release}=${image.version}`);
    const source = sources.get(image.version);
    if (headers === undefined || source === undefined) {
      const missing = headers === undefined ? `linux-headers-${release}` : 'linux-source';
      incomplete.push({ release, version: image.version, missing });
      continue;
    }
    const identity = {
      release,
      ...parts,
      version: image.version,
      sourcePackage: source.name,
      imagePackage: image.name,
      headersPackage: headers.name,
    };
    kernels.push({ identity, packages: { image, headers, source } });
  }
  kernels.sort((a, b) => compareVersions(b.identity.version, a.identity.version) || order(a, b));
  return { kernels, incomplete };
}

function order(a: OfferedKernel, b: OfferedKernel): number {
  return (
    a.identity.release.length - b.identity.release.length ||
    (a.identity.release < b.identity.release ? -1 : 1)
  );
}
