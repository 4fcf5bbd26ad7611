import { type FetchedKernel, fetchKernel } from '@resplice/build';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { runSession } from '../session.js';
import { findKernel } from '../target-kernel.js';

export function kernelFetchCommand() {
  return newCommand('fetch', 'fetch image, headers and source of a kernel into the cache', [
    'resplice kernel fetch 6.1.0-47-amd64',
  ])
    .argument('[spec]', 'release, package version or a beginning of one; default: the running kernel')
    .action((spec, options) =>
      runSession(options, async (session) =>
        renderKernel(await fetchKernel(await findKernel(spec), session)),
      ),
    );
}

export function renderKernel(kernel: FetchedKernel): Outcome {
  const { release, version } = kernel.identity;
  const rows = [
    ['image', kernel.vmlinuz],
    ['modules', kernel.modules],
    ['headers', kernel.headers],
    ['source', kernel.sourceArchive],
    ['changelog', kernel.changelog],
  ];
  return done({ kernel }, [`${release} (${version}) is in the cache`, ...alignColumns(rows)]);
}
