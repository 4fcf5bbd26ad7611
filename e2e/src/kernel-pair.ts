// Which kernel the tests patch, and from which later source the fixes come. Versions disappear from the archive with time, so
// what is listed here is tried in order, and what had to be passed over is said.

import { resplice } from './resplice-command.js';

export interface KernelPair {
  /** The kernel with the holes. */
  readonly release: string;
  readonly version: string;
  /** The source package that has the fixes of all probes in e2e/probes. */
  readonly fixed: string;
  /** Another kernel, to refuse the updates. */
  readonly other: { readonly release: string; readonly version: string };
}

/** A kernel that every probe finds exposed, and the sources with the fixes, the nearest first. */
const KNOWN: readonly {
  readonly release: string;
  readonly version: string;
  readonly fixed: readonly string[];
}[] = [
  {
    release: '6.1.0-47-amd64',
    version: '6.1.170-3',
    fixed: ['6.1.176-1', '6.1.187-1', '6.1.190-1', '6.1.192-1', '6.1.192-2'],
  },
];

interface ListedKernel {
  readonly release: string;
  readonly version: string;
}

/** The first pair that apt offers or the cache has; `say` gets a line for each that was passed over. */
export async function choosePair(say: (line: string) => void): Promise<KernelPair> {
  const { json } = await resplice(['kernel', 'list']);
  const kernels = (json.kernels ?? []) as readonly ListedKernel[];
  for (const { release, version, fixed } of KNOWN) {
    if (!kernels.some((kernel) => kernel.release === release && kernel.version === version)) {
      say(`neither apt nor the cache has ${release} (${version})`);
      continue;
    }
    for (const to of fixed) {
      const other = kernels.find(
        (kernel) => kernel.version === to && /^[\d.]+-\d+-amd64$/.test(kernel.release),
      );
      if (other !== undefined) return { release, version, fixed: to, other };
      say(`neither apt nor the cache has ${to}, the source with the fixes`);
    }
  }
  throw new Error('none of the kernels in e2e/src/kernel-pair.ts can be had; add a pair that apt offers');
}
