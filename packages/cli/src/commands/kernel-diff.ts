import { writeFile } from 'node:fs/promises';
import { diffSources, resolveSource, systemApt } from '@resplice/build';
import { EnvironmentError } from '@resplice/report';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { runSession } from '../session.js';

export function kernelDiffCommand() {
  return newCommand('diff', 'the difference between the sources of two kernel versions, as a patch', [
    'resplice kernel diff 6.1.170-3 6.1.176-1 net/core/sock.c -o fix.patch',
  ])
    .argument('<from>', 'package version of the older kernel')
    .argument('<to>', 'package version of the newer kernel')
    .argument('[path...]', 'files or directories in the source; default: everything')
    .option('-o, --output <file>', 'write the patch to this file; default: standard output')
    .action((from, to, paths, options) =>
      runSession(options, async (session) => {
        const apt = systemApt();
        const patch = await diffSources(
          await resolveSource(from, apt),
          await resolveSource(to, apt),
          paths,
          session,
        );
        if (options.output !== undefined) await writePatch(options.output, patch);
        return renderDiff(patch, options.output);
      }),
    );
}

/** An empty difference is a result, not a failure. */
export function renderDiff(patch: string, output: string | undefined): Outcome {
  const files = listPatchedFiles(patch);
  if (output === undefined) return done({ files, patch }, patch === '' ? [] : [patch.replace(/\n$/, '')]);
  const sum =
    files.length === 0
      ? 'there is no difference'
      : `differs in ${files.length === 1 ? files[0] : `${files.length} files`}`;
  return done({ files, output }, [`${output}: ${sum}`]);
}

/** From the lines `--- a/FILE` and `+++ b/FILE`; a line of a hunk begins with one sign only. */
function listPatchedFiles(patch: string): readonly string[] {
  const names = [...patch.matchAll(/^(?:--- a|\+\+\+ b)\/(.+)$/gm)].map(([, path]) => path ?? '');
  return [...new Set(names)];
}

async function writePatch(path: string, patch: string): Promise<void> {
  try {
    await writeFile(path, patch);
  } catch (cause) {
    const message = `${path}: cannot be written (${cause instanceof Error ? cause.message : cause}); choose another place`;
    throw new EnvironmentError('patch-not-writable', message, { context: { file: path }, cause });
  }
}
