// What names one Debian kernel exactly. A release (`uname -r`) alone does not: an ABI is sometimes rebuilt as a newer
// Debian version under the same release, so the version is always part of the identity.

import { z } from 'zod';

/** Stands where a kernel of the distribution has its flavour and packages. */
export const SELF_BUILT = 'self-built';

export const KernelIdentity = z.strictObject({
  /** `uname -r`, for example `6.1.0-47-cloud-amd64`. */
  release: z.string().min(1),
  /** The release without flavour, for example `6.1.0-47`. */
  abi: z.string().min(1),
  /** `amd64`, `cloud-amd64`, `rt-amd64`, …, or SELF_BUILT. */
  flavour: z.string().min(1),
  /** Version of the Debian packages, for example `6.1.170-3`. */
  version: z.string().min(1),
  /** Package with the patched source of that version, for example `linux-source-6.1`. */
  sourcePackage: z.string().min(1),
  imagePackage: z.string().min(1),
  headersPackage: z.string().min(1),
});
export type KernelIdentity = z.infer<typeof KernelIdentity>;

/** Splits a release into ABI and flavour: `6.12.107+deb12-cloud-amd64` → `6.12.107+deb12`, `cloud-amd64`. */
export function findFlavour(release: string): { readonly abi: string; readonly flavour: string } | undefined {
  const match = /^(\d[^-]*(?:-\d[^-]*)?)-([a-z][a-z0-9-]*)$/.exec(release);
  const [, abi, flavour] = match ?? [];
  return abi === undefined || flavour === undefined ? undefined : { abi, flavour };
}

/** One line for people: `6.1.0-47-amd64 (6.1.170-3)`. */
export function formatKernel(identity: Pick<KernelIdentity, 'release' | 'version'>): string {
  return `${identity.release} (${identity.version})`;
}
