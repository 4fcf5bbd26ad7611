// From what a person types to one exact kernel. Accepted, tried in this order:
//   nothing                     the running kernel; its Debian version is read from the kernel's own build line
//   RELEASE=VERSION             6.1.0-47-amd64=6.1.170-3
//   RELEASE                     6.12.107+deb12-cloud-amd64
//   VERSION                     6.1.170-3, the standard flavour of that version
//   ABI or a prefix of one      6.1.0-47, 6.12.107: the standard flavour, if only one ABI begins so
// Kernels already in the cache count too: an update for a version that Debian has dropped can still be made.

import { EnvironmentError } from '@resplice/report';
import { compareVersions } from '@resplice/update';
import { type Apt, readNativeArchitecture, readRunningKernel } from './apt.js';
import { formatKernel, type KernelIdentity, SELF_BUILT } from './kernel-identity.js';
import { type KernelOffer, listOfferedKernels } from './offered-kernels.js';

export interface ResolveOptions {
  /** Kernels that need not be fetched any more. */
  readonly fetched?: readonly KernelIdentity[];
  /** For tests: Debian's architecture name and the running kernel. */
  readonly architecture?: string;
  readonly running?: { readonly release: string; readonly build: string };
}

/**
 * Finds the kernel that `spec` names.
 * @throws EnvironmentError `kernel-not-offered`, `kernel-ambiguous` or `kernel-lists-empty`, naming what there is.
 */
export async function resolveKernel(
  spec: string | undefined,
  apt: Apt,
  options: ResolveOptions = {},
): Promise<KernelIdentity> {
  const fetched = options.fetched ?? [];
  const wanted = spec ?? describeRunning(options.running ?? (await readRunningKernel()));
  // One exact hit in the cache needs no question to apt, which costs a second.
  const known = fetched.filter((kernel) => isExact(kernel, wanted));
  if (known.length === 1 && known[0] !== undefined) return known[0];
  const offer = await listOfferedKernels(apt);
  const architecture = options.architecture ?? (await readNativeArchitecture());
  try {
    return chooseKernel(wanted, offer, fetched, architecture);
  } catch (error) {
    if (spec !== undefined || !(error instanceof EnvironmentError)) throw error;
    throw new EnvironmentError(
      error.code,
      `the running kernel was meant, as no other was named: ${error.message}`,
      {
        context: error.context,
        cause: error,
      },
    );
  }
}

/** The pure part of {@link resolveKernel}. */
export function chooseKernel(
  wanted: string,
  offer: KernelOffer,
  fetched: readonly KernelIdentity[],
  architecture: string,
): KernelIdentity {
  const all = new Map(
    [...fetched, ...offer.kernels.map((kernel) => kernel.identity)].map((k) => [
      `${k.release}=${k.version}`,
      k,
    ]),
  );
  const kernels = [...all.values()].sort((a, b) => compareVersions(b.version, a.version));
  const standard = kernels.filter((kernel) => kernel.flavour === architecture);
  const steps = [
    kernels.filter((kernel) => isExact(kernel, wanted)),
    standard.filter((kernel) => kernel.version === wanted || kernel.abi === wanted),
    standard.filter((kernel) => isPrefix(wanted, kernel.abi) || isPrefix(wanted, kernel.version)),
  ];
  const found = steps.find((step) => step.length > 0) ?? [];
  const releases = new Set(found.map((kernel) => kernel.release));
  // Which of several builds is the newest, a build id does not tell.
  if (found.filter(({ flavour }) => flavour === SELF_BUILT).length > 1) throw ambiguous(wanted, found);
  // Several versions of one release: the newest. Several releases: the person must say which.
  if (releases.size === 1 && found[0] !== undefined) return found[0];
  if (releases.size > 1) throw ambiguous(wanted, found);
  throw notOffered(wanted, offer, kernels);
}

function isExact(kernel: KernelIdentity, wanted: string): boolean {
  return kernel.release === wanted || `${kernel.release}=${kernel.version}` === wanted;
}

/** `6.1` is a prefix of `6.1.0-47` but not of `6.12.107`. */
function isPrefix(prefix: string, whole: string): boolean {
  return whole.startsWith(prefix) && !/^\d/.test(whole.slice(prefix.length)) && /^\d/.test(prefix);
}

/** `#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-05-08)`: Debian writes its version into the build line. */
function describeRunning(running: { readonly release: string; readonly build: string }): string {
  const version = /\bDebian (\S+)/.exec(running.build)?.[1];
  return version === undefined ? running.release : `${running.release}=${version}`;
}

function ambiguous(wanted: string, found: readonly KernelIdentity[]): EnvironmentError {
  const names = found.map(formatKernel);
  return new EnvironmentError(
    'kernel-ambiguous',
    `"${wanted}" fits several kernels; name one of: ${names.join(', ')}`,
    {
      context: { wanted, candidates: names },
    },
  );
}

function notOffered(
  wanted: string,
  offer: KernelOffer,
  kernels: readonly KernelIdentity[],
): EnvironmentError {
  const names = kernels.map(formatKernel);
  const context = { wanted, offered: names };
  if (names.length === 0) {
    return new EnvironmentError(
      'kernel-lists-empty',
      `apt offers no Debian kernel image with source, so "${wanted}" cannot be found; run \`apt-get update\`, and check that the ` +
        'package sources contain Debian and Debian security',
      { context },
    );
  }
  const half = offer.incomplete.find(
    (kernel) => wanted.includes(kernel.release) || wanted === kernel.version,
  );
  const why =
    half === undefined
      ? `apt does not offer kernel "${wanted}"`
      : `apt offers ${formatKernel(half)} without ${half.missing} of that version, which is needed`;
  return new EnvironmentError(
    'kernel-not-offered',
    `${why}; on offer: ${names.join(', ')}. If the lists are old, run \`apt-get update\` first`,
    { context },
  );
}
