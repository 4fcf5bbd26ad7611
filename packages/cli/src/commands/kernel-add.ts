import { addKernel, type FetchedKernel } from '@resplice/build';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { runSession } from '../session.js';

export function kernelAddCommand() {
  return newCommand('add', 'take a kernel that you built yourself into the cache', [
    'resplice kernel add ~/linux',
  ])
    .argument('<folder>', 'where it was built with make, or what O= named')
    .action((folder, options) =>
      runSession(options, async (session) => renderAdded(await addKernel(folder, session))),
    );
}

export function renderAdded(kernel: FetchedKernel): Outcome {
  const { release, version } = kernel.identity;
  return done({ kernel }, [
    `${release} (${version}) is in the cache; make updates of it with --kernel ${release}=${version}`,
  ]);
}
