import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import {
  type Evaluation,
  type EvaluationRequest,
  evaluateRelease,
  type GuestTrial,
  type PatchFile,
  readPatchFiles,
  type UnitResult,
} from '@resplice/build';
import { applyInGuests } from '@resplice/factory/guest';
import { EnvironmentError, UsageError } from '@resplice/report';
import { findBundle } from '../bundle-file.js';
import { collect, newCommand, parsePositive } from '../command.js';
import { renderPage } from '../evaluation-page.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns, count, formatDuration } from '../printed-text.js';
import { runSession, type Session } from '../session.js';

export function evaluateCommand() {
  return newCommand(
    'evaluate',
    'every unit of a release through create: what needs no human code, and why not',
    [
      'resplice evaluate --from 6.1.170-3 --to 6.1.176-1 --sample 40 --seed 1',
      'resplice evaluate --from 6.1.170-3 --to 6.1.176-1 --vm --html release.html',
    ],
  )
    .requiredOption('--from <version>', 'package version of the kernel that is updated')
    .requiredOption('--to <version>', 'package version with the fixes')
    .option(
      '--kernel <spec>',
      'the flavour, as for "kernel fetch"; default: the standard one of that version',
    )
    .option('--sample <number>', 'evaluate this many units, drawn at random', parsePositive)
    .option('--seed <number>', 'which random units; the same seed draws the same', parseSeed, 1)
    .option('--only <unit>', 'evaluate this unit, or the units of this file; repeatable', collect)
    .option('--hooks <directory>', 'ID.patch with custom code for the units that need it')
    .addOption(
      new Option('--retry <which>', 'judge units again that an earlier run has judged')
        .choices(['none', 'refused', 'all'] as const)
        .default('none' as const),
    )
    .option('--vm', 'apply and undo every update in a guest')
    .option('--html <file>', 'write the result as one HTML page, too')
    .option('--work <directory>', 'where results are kept; default: in the cache')
    .action((options) =>
      runSession(options, async (session) => {
        const request = await readRequest(options);
        const applying = options.vm === true ? { applyInGuests: tryInGuests(session) } : {};
        const evaluation = await evaluateRelease({ ...request, ...applying }, session);
        if (options.html !== undefined) await writePage(options.html, evaluation);
        return renderEvaluation(evaluation);
      }),
    );
}

interface EvaluateOptions {
  readonly from: string;
  readonly to: string;
  readonly kernel?: string | undefined;
  readonly sample?: number | undefined;
  readonly seed: number;
  readonly only?: readonly string[] | undefined;
  readonly hooks?: string | undefined;
  readonly retry: 'none' | 'refused' | 'all';
  readonly work?: string | undefined;
}

async function readRequest(options: EvaluateOptions): Promise<EvaluationRequest> {
  const { from, to, kernel, sample, seed, only, hooks, retry, work } = options;
  return {
    from,
    to,
    retry,
    ...(kernel === undefined ? {} : { kernel }),
    ...(sample === undefined ? {} : { sample: { size: sample, seed } }),
    ...(only === undefined ? {} : { only }),
    ...(work === undefined ? {} : { work }),
    ...(hooks === undefined ? {} : { customCode: await readCustomCode(hooks) }),
  };
}

function tryInGuests(session: Session): GuestTrial {
  return async (updates, kernel, onResult) => {
    await applyInGuests(updates, kernel, { ...session, bundle: findBundle(), onResult });
  };
}

async function readCustomCode(directory: string): Promise<ReadonlyMap<string, readonly PatchFile[]>> {
  let names: readonly string[];
  try {
    names = await readdir(directory);
  } catch (cause) {
    throw new UsageError('no-hooks', `--hooks: ${directory} is not a directory with files ID.patch`, {
      cause,
    });
  }
  const code = new Map<string, readonly PatchFile[]>();
  for (const name of names.filter((each) => each.endsWith('.patch')).sort()) {
    code.set(name.replace(/\.patch$/, ''), await readPatchFiles([join(directory, name)]));
  }
  return code;
}

function parseSeed(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number.');
}

/** The sums, and every unit that needs a person. */
export function renderEvaluation(evaluation: Evaluation): Outcome {
  const { from, to, kernel, sample, summary, units } = evaluation;
  const of = sample === null ? '' : `, a sample of ${sample.size} with seed ${sample.seed}`;
  const refused = units.filter(({ built, verdict }) => built && verdict === 'refused');
  const conditional = units.filter(
    ({ verdict, requiresUnloaded }) => verdict === 'automatic' && requiresUnloaded.length > 0,
  );
  const judged = summary.built === 0 ? '' : `${summary.percentAutomatic.toFixed(1)} % of `;
  const own = summary.milliseconds - summary.toolMilliseconds;
  const share = summary.milliseconds === 0 ? 0 : (100 * own) / summary.milliseconds;
  return done({ ...evaluation }, [
    ...refused.flatMap(renderRefused),
    ...conditional.map(
      ({ id, requiresUnloaded }) => `${id}: while ${requiresUnloaded.join(', ')} is not loaded`,
    ),
    ...(refused.length + conditional.length === 0 ? [] : ['']),
    `${from} to ${to} on ${kernel.release}${of}`,
    '',
    ...alignColumns([
      ['units', `${summary.units}, ${summary.joined} of them joined because parts did not compile alone`],
      ['built in this configuration', `${summary.built}`],
      ['  automatic', `${summary.automatic}`],
      ['  automatic while a module is not loaded', `${summary.whileUnloaded}`],
      ['  nothing that runs changes', `${summary.withoutCode}`],
      ['  with hook', `${summary.withHook}`],
      ['  refused', `${summary.refused}`],
      ...summary.refusedBy.map(({ code, units: number }) => [`    ${code}`, `${number}`]),
      ['applied and undone in guests', `${summary.applied} of ${summary.tried}`],
      ['CVE numbers tied to units', `${summary.cves.all}, to none ${summary.cves.untied}`],
      ['  of built units', `${summary.cves.built}, without human code ${summary.cves.automatic}`],
      ['time', `${formatDuration(summary.milliseconds)}, ${share.toFixed(0)} % of it not in tools`],
    ]),
    '',
    `${judged}${count(summary.built, 'built unit')} need no human code`,
    ...(summary.whileUnloaded === 0
      ? []
      : [
          `${summary.percentWhileUnloaded.toFixed(1)} % with those that apply only while a module is not loaded`,
        ]),
  ]);
}

function renderRefused({ id, files, cves, reasons }: UnitResult): readonly string[] {
  const tied = cves.length === 0 ? '' : ` (${cves.join(', ')})`;
  return [
    `${id}: ${files.join(', ')}${tied}`,
    ...reasons.map(({ code, subject, found }) => {
      const place = subject === '' ? '' : `${subject}: `;
      return `  ${code}: ${place}${found.split('\n')[0] ?? ''}`;
    }),
  ];
}

async function writePage(file: string, evaluation: Evaluation): Promise<void> {
  try {
    await writeFile(file, renderPage(evaluation));
  } catch (cause) {
    const message = `${file}: cannot be written (${cause instanceof Error ? cause.message : cause}); choose another place`;
    throw new EnvironmentError('page-not-writable', message, { context: { file }, cause });
  }
}
