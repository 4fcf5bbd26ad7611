import { join } from 'node:path';
import { type MirrorResult, mirrorRepository } from '@resplice/update/repository';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { count, formatBytes } from '../printed-text.js';
import { CONFIGURED_ROOT, openRepository } from '../repository-client.js';
import { runSession } from '../session.js';

export function mirrorCommand() {
  return newCommand('mirror', 'copy a repository into a folder, for a site that cannot reach it', [
    'resplice mirror https://updates.example.org /srv/updates --root root.json',
  ])
    .argument('<from>', 'address of the repository, or a folder with a copy')
    .argument('<folder>', 'where the copy is; made again, only what is new is fetched')
    .option('--root <file>', `the root to believe; default: ${CONFIGURED_ROOT}`)
    .action((from, folder, options) =>
      runSession(options, async (session) => {
        // What the copy has seen is remembered beside it: so it is never brought back to an older state.
        const state = join(folder, '.resplice');
        const { signal, progress } = session;
        const trusted = await openRepository({ from, root: options.root, state, wholeChain: true, signal });
        return renderMirror(await mirrorRepository(trusted, folder, progress), folder);
      }),
    );
}

export function renderMirror(result: MirrorResult, folder: string): Outcome {
  const { targets, downloaded, bytes, expires } = result;
  return done({ folder, ...result }, [
    `${folder}: ${count(targets, 'update')}, ${formatBytes(bytes)}, ${downloaded} of them new`,
    `good until ${expires}; copy it again before`,
  ]);
}
