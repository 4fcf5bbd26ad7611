import { writeFile } from 'node:fs/promises';
import { Option } from '@commander-js/extra-typings';
import {
  type CreatedUpdate,
  createUpdate,
  type PatchFile,
  readGitPatches,
  readPatchFiles,
  renderSkeleton,
} from '@resplice/build';
import { InputError, type Reason, UsageError } from '@resplice/report';
import { type Manifest, readUpdate, writeUpdate } from '@resplice/update';
import { collect, newCommand } from '../command.js';
import { renderCustom, renderTypes } from '../manifest-text.js';
import { done, type Outcome, refused } from '../outcome.js';
import { count, formatDuration } from '../printed-text.js';
import { runSession } from '../session.js';

/** packages/build/src/create/place-members.ts */
const CORRECTION = 'place-new-members.patch';

export function createCommand() {
  return newCommand('create', 'make an update of a kernel from a source patch', [
    'resplice create --kernel 6.1.0-47-amd64 --patch fix.patch --cve CVE-2026-53236 -o fix.splice',
    'resplice create --git ~/linux --commit v6.1.175..v6.1.176 -o fix.splice',
  ])
    .option('--kernel <spec>', 'the kernel to update, as for "kernel fetch"; default: the running one')
    .option(
      '--patch <file>',
      'a unified diff, a mail of git format-patch, or a directory with a series; repeatable',
      collect,
    )
    .option('--git <repository>', 'take the patch from this git repository')
    .option('--commit <revision>', 'with --git: one commit, or REV..REV for a series')
    .option('--cve <number>', 'a CVE that the update fixes; repeatable', collect)
    .option('--description <text>', 'what the update is for; default: the subject of the patch')
    .option('--id <id>', 'name of the update: 4 to 40 of a-z, 0-9 and _; default: made from the patch')
    .option('--on <file>', 'build on top of this update, which must be applied first; repeatable', collect)
    .option(
      '--compiler <name>',
      'use this compiler instead of the one the kernel names; recorded in the update',
    )
    .addOption(
      new Option(
        '--engine <name>',
        'how code is replaced; auto: livepatch where it can do it all, else trampoline',
      )
        .choices(['auto', 'livepatch', 'trampoline'] as const)
        .default('auto' as const),
    )
    .option(
      '--skeleton <file>',
      'when it is refused, write the start of the code it needs here, if the file is new',
    )
    .option('-o, --output <file>', 'where to write the update; default: ID.splice')
    .action((options) =>
      runSession(options, async (session) => {
        const request = {
          kernel: options.kernel,
          patches: await readPatches(options),
          cves: checkedCves(options.cve ?? []),
          description: options.description,
          engine: options.engine,
          on: await Promise.all((options.on ?? []).map(readUpdate)),
          ...(options.id === undefined ? {} : { id: options.id }),
          ...(options.compiler === undefined ? {} : { compiler: options.compiler }),
        };
        const verdict = await createUpdate(request, session);
        if (!verdict.ok) {
          if (options.skeleton !== undefined) await writeSkeleton(options.skeleton, verdict.reasons);
          return refused(verdict.reasons);
        }
        const output = options.output ?? `${verdict.value.update.manifest.id}.splice`;
        await writeUpdate(output, verdict.value.update);
        return renderCreated(verdict.value, output);
      }),
    );
}

/** Short: `inspect` shows what is in the update. */
export function renderCreated({ update: { manifest }, statistics }: CreatedUpdate, output: string): Outcome {
  const { objects, milliseconds, toolMilliseconds } = statistics;
  const places = manifest.objects.map(
    ({ name, functions, exit }) =>
      `${count(functions.length, 'function')}${exit === null ? '' : ' and the exit code'} in ${name}`,
  );
  const total = formatDuration(milliseconds);
  return done({ output, manifest, statistics }, [
    `${output}: update ${manifest.id} for ${manifest.kernel.release}, replaces ${places.join(', ')}`,
    ...renderCorrection(manifest),
    ...[...renderCustom(manifest.custom), ...renderTypes(manifest.types)].filter((line) => line !== ''),
    `${count(objects, 'object')} compared in ${total}, ${formatDuration(toolMilliseconds)} of it in compiler and package tools`,
  ]);
}

/** What create itself added to the patches. */
function renderCorrection({ patches }: Manifest): readonly string[] {
  return patches.flatMap(({ file, subject }) =>
    file.endsWith(CORRECTION) ? [`  adds ${file}: ${subject}`] : [],
  );
}

/** Never over a file that exists: it may hold the author's work. */
async function writeSkeleton(file: string, reasons: readonly Reason[]): Promise<void> {
  const text = renderSkeleton(reasons);
  if (text === undefined) return;
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (cause) {
    throw new InputError(
      'skeleton-not-written',
      `${file}: the skeleton needs a new file in a folder that exists`,
      {
        context: { file },
        cause,
      },
    );
  }
}

interface PatchOptions {
  readonly patch?: readonly string[] | undefined;
  readonly git?: string | undefined;
  readonly commit?: string | undefined;
}

/** Exactly one of the two ways to give patches. */
async function readPatches({ patch = [], git, commit }: PatchOptions): Promise<readonly PatchFile[]> {
  if ((git === undefined) !== (commit === undefined)) {
    throw new UsageError('git-and-commit', '--git and --commit belong together; give both');
  }
  if (git !== undefined && commit !== undefined) {
    if (patch.length === 0) return readGitPatches(git, commit);
    throw new UsageError(
      'two-patch-sources',
      'give the patch with --patch or with --git and --commit, not both',
    );
  }
  if (patch.length > 0) return readPatchFiles(patch);
  throw new UsageError(
    'no-patch',
    'give the patch with --patch FILE, or with --git REPOSITORY --commit REVISION',
  );
}

function checkedCves(cves: readonly string[]): readonly string[] {
  const wrong = cves.find((cve) => !/^CVE-\d{4}-\d{4,}$/.test(cve));
  if (wrong === undefined) return [...new Set(cves)];
  throw new UsageError(
    'not-a-cve',
    `--cve: expected a number such as CVE-2026-53236, got ${JSON.stringify(wrong)}`,
  );
}
