// Which kernels the tests work on. Versions disappear from the archive with time, so what is listed here is tried in order, and
// what had to be passed over is said.

import { resplice } from './resplice-command.js';

export interface Kernel {
  readonly release: string;
  readonly version: string;
}

/** The kernel with the holes, and where the fixes come from. */
export interface KernelPair extends Kernel {
  /** The source package that has the fixes of all probes in e2e/probes. */
  readonly fixed: string;
  /** Another kernel, which refuses the updates; it has the fixes. */
  readonly other: Kernel;
  /** Of the same source in another flavour: a kernel of its own, with the same holes. */
  readonly cloud: Kernel | undefined;
}

/**
 * A kernel that every probe finds exposed, and the sources with the fixes, the nearest first. Later sources than these change
 * more in the same files than an update can carry.
 */
const KNOWN: readonly KnownKernel[] = [
  { release: '6.1.0-47-amd64', version: '6.1.170-3', fixed: ['6.1.176-1', '6.1.187-1'] },
];

/** The same of the 6.12 branch. */
const KNOWN_NEWER: readonly KnownKernel[] = [
  {
    release: '6.12.107+deb12-amd64',
    version: '6.12.107-1~deb12u1',
    fixed: ['6.12.111-1~deb12u1', '6.12.113-1~deb12u1', '6.12.115-2~deb12u1', '6.12.117-1~deb12u1'],
  },
];

interface KnownKernel extends Kernel {
  readonly fixed: readonly string[];
}

interface ListedKernel extends Kernel {
  readonly fetched: boolean;
}

/** The first pair that apt offers or the cache has; `say` gets a line for each that was passed over. */
export function choosePair(say: (line: string) => void): Promise<KernelPair> {
  return chooseOf(KNOWN, say);
}

/** A pair of the 6.12 branch: indirect branch tracking, padded functions and no objtool per object set it apart from 6.1. */
export function chooseNewerPair(say: (line: string) => void): Promise<KernelPair> {
  return chooseOf(KNOWN_NEWER, say);
}

async function chooseOf(known: readonly KnownKernel[], say: (line: string) => void): Promise<KernelPair> {
  const kernels = await listKernels();
  for (const { release, version, fixed } of known) {
    if (!kernels.some((kernel) => kernel.release === release && kernel.version === version)) {
      say(`neither apt nor the cache has ${release} (${version})`);
      continue;
    }
    for (const to of fixed) {
      const other = kernels.find((kernel) => kernel.version === to && isStandard(kernel));
      const cloud = kernels.find((each) => each.version === version && each.release.includes('-cloud-'));
      if (other !== undefined) return { release, version, fixed: to, other, cloud };
      say(`neither apt nor the cache has ${to}, the source with the fixes`);
    }
  }
  throw new Error('none of the kernels in e2e/src/kernel-pair.ts can be had; add a pair that apt offers');
}

/** A kernel of the 6.12 branch, for tests to which any of them will do: the one of the pair, one that the cache has, or the newest. */
export async function chooseNewerKernel(): Promise<Kernel> {
  const kernels = (await listKernels()).filter(
    (kernel) => /^6\.12\./.test(kernel.version) && isStandard(kernel),
  );
  const paired = kernels.find(({ version }) => KNOWN_NEWER.some((known) => known.version === version));
  const chosen = paired ?? kernels.find(({ fetched }) => fetched) ?? kernels[0];
  if (chosen === undefined) throw new Error('neither apt nor the cache has a kernel of the 6.12 branch');
  return { release: chosen.release, version: chosen.version };
}

async function listKernels(): Promise<readonly ListedKernel[]> {
  const { json } = await resplice(['kernel', 'list']);
  return (json.kernels ?? []) as readonly ListedKernel[];
}

/** Not the cloud or rt flavour. */
function isStandard({ release }: Kernel): boolean {
  return /^[\d.]+(?:-\d+|\+deb12)-amd64$/.test(release);
}
