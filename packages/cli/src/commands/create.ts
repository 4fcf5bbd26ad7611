import { Option } from '@commander-js/extra-typings';
import {
  type CreatedUpdate,
  type CreateRequest,
  createUpdate,
  type PatchFile,
  readGitPatches,
  readPatchFiles,
  writeSkeletonPatch,
} from '@resplice/build';
import { type Reason, UsageError } from '@resplice/report';
import { type Manifest, readUpdate, writeUpdate } from '@resplice/update';
import { collect, newCommand } from '../command.js';
import { renderCustom, renderTypes, renderUnloaded } from '../manifest-text.js';
import { done, type Outcome, refused } from '../outcome.js';
import { count, formatDuration } from '../printed-text.js';
import { runSession, type Session } from '../session.js';
import { skeletonPath, writeSkeletonFile } from '../skeleton-file.js';

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
      '--unconditional',
      'refuse what applies only while a module is not loaded; the skeleton is then the start of code that machines with it loaded need',
    )
    .option(
      '--skeleton <file>',
      'where to write the start of the code that a refused patch needs; default: next to the output',
    )
    .option('--no-skeleton', 'do not write it')
    .option('-o, --output <file>', 'where to write the update; default: ID.splice')
    .action((options) =>
      runSession(options, async (session) => {
        const request = {
          kernel: options.kernel,
          patches: await readPatches(options),
          cves: checkedCves(options.cve ?? []),
          description: options.description,
          engine: options.engine,
          unconditional: options.unconditional === true,
          on: await Promise.all((options.on ?? []).map(readUpdate)),
          ...(options.id === undefined ? {} : { id: options.id }),
          ...(options.compiler === undefined ? {} : { compiler: options.compiler }),
        };
        const verdict = await createUpdate(request, session);
        if (!verdict.ok) {
          const [first] = request.patches;
          const chosen = typeof options.skeleton === 'string' ? options.skeleton : undefined;
          const file = chosen ?? skeletonPath(options.output, first?.name);
          return renderRefused(
            request,
            verdict.reasons,
            options.skeleton === false ? undefined : file,
            session,
          );
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
  const absent = new Set(manifest.requiresUnloaded?.map(({ module }) => module));
  const places = manifest.objects.map(({ name, functions, exit }) => {
    // Of a module that is not loaded, data and init code are replaced as well.
    const what = functions.length === 0 && absent.has(name) ? 'data' : count(functions.length, 'function');
    return `${what}${exit === null ? '' : ' and the exit code'} in ${name}`;
  });
  const total = formatDuration(milliseconds);
  return done({ output, manifest, statistics }, [
    `${output}: update ${manifest.id} for ${manifest.kernel.release}, replaces ${places.join(', ')}`,
    ...renderCorrection(manifest),
    ...manifest.notBuilt.filter((line) => line.includes(': ')).map((line) => `  without ${line}`),
    ...renderUnloaded(manifest).map(([label, text]) => `  ${label === '' ? '  ' : `${label} `}${text}`),
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

/** The reasons, and the start of the code that would cure them when there is any. */
async function renderRefused(
  request: CreateRequest,
  reasons: readonly Reason[],
  file: string | undefined,
  session: Session,
): Promise<Outcome> {
  const outcome = refused(reasons);
  if (file === undefined) return outcome;
  const text = await writeSkeletonPatch(request, reasons, session);
  if (text === undefined) return outcome;
  const skeleton = await writeSkeletonFile(file, text);
  return {
    ...outcome,
    json: { ...outcome.json, skeleton: { file: skeleton.file, written: skeleton.written } },
    lines: [...outcome.lines, '', skeleton.line],
  };
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
