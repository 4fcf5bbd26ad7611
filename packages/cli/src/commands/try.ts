import { access, constants, stat } from 'node:fs/promises';
import { Option } from '@commander-js/extra-typings';
import { fetchKernel } from '@resplice/build';
import { reportGuestEvents } from '@resplice/factory/guest';
import { InputError } from '@resplice/report';
import { readUpdate, type Update } from '@resplice/update';
import { runGuest } from '@resplice/vm';
import { findBundle } from '../bundle-file.js';
import { collect, newCommand, parsePositive } from '../command.js';
import { DONE, type Outcome, REFUSED } from '../outcome.js';
import { alignColumns, count } from '../printed-text.js';
import { runSession } from '../session.js';
import { findKernel } from '../target-kernel.js';
import { judgeTrial, planTrial, type Trial } from '../trial.js';

const LOG_TAIL = 40;

export function tryCommand() {
  return newCommand('try', 'boot the kernel in QEMU and run a probe before, during and after the update', [
    'resplice try fix.splice --probe ./probe',
    'resplice try raw.splice --probe ./probe.sh --module nf_tables --probe-user root',
  ])
    .argument('<file>', 'an update made by "resplice create"')
    .requiredOption(
      '--probe <file>',
      'a program or script: exit status 0 = safe, 1 = exposed, else cannot tell',
    )
    .addOption(
      new Option('--probe-user <user>', 'who runs the probe')
        .choices(['nobody', 'root'] as const)
        .default('nobody' as const),
    )
    .option('--module <name>', 'load this kernel module first; repeatable', collect)
    .option('--load-after <name>', 'load this kernel module after the update is applied; repeatable', collect)
    .option('--on <file>', 'apply this update first; repeatable', collect)
    .option('--memory <megabytes>', 'memory of the guest', parsePositive, 1024)
    .option('--timeout <seconds>', 'for all steps together', parsePositive, 900)
    .option('--verbose', 'print the whole kernel log')
    .action((file, options) =>
      runSession(options, async (session) => {
        await assertProbe(options.probe);
        const update = await readUpdate(file);
        const plan = {
          update,
          on: await Promise.all((options.on ?? []).map(readUpdate)),
          probe: options.probe,
          bundle: findBundle(),
          probeUser: options.probeUser,
          modules: options.module ?? [],
          loadAfter: options.loadAfter ?? [],
        };
        const { release, version } = update.manifest.kernel;
        const kernel = await fetchKernel(await findKernel(`${release}=${version}`), session);
        const names = [...plan.modules, ...plan.loadAfter];
        const result = await runGuest({
          ...planTrial(plan),
          vmlinuz: kernel.vmlinuz,
          modules: { directory: kernel.modules, names },
          memoryMb: options.memory,
          timeoutSeconds: options.timeout,
          onEvent: reportGuestEvents(session.progress, release),
          signal: session.signal,
        });
        return renderTrial(judgeTrial(result), update, options.verbose === true);
      }),
    );
}

export function renderTrial(trial: Trial, update: Update, verbose: boolean): Outcome {
  const { probes, problems, complaints, result } = trial;
  const sum =
    problems.length === 0
      ? [
          `${update.manifest.id} does what it is for: exposed, safe when applied, exposed when undone; the kernel log is clean`,
        ]
      : [
          `${update.manifest.id} is not proved, for ${count(problems.length, 'reason')}:`,
          ...problems.flatMap(renderProblem),
        ];
  const { kernelLog, accelerator, outcome } = result;
  // The text of the output is enough for JSON; its bytes would be long lists of numbers.
  const steps = result.steps.map(({ stdoutBytes: _, stderrBytes: __, ...step }) => step);
  return {
    exitStatus: problems.length === 0 ? DONE : REFUSED,
    json: {
      probes,
      problems,
      complaints,
      kernelLog,
      guest: { accelerator, outcome, steps },
    },
    lines: [...renderSteps(trial), '', ...renderLog(kernelLog, verbose, outcome !== 'completed'), '', ...sum],
  };
}

/** Each step with what it said first; a probe with its answer, also when the guest did not get that far. */
function renderSteps({ probes, result }: Trial): readonly string[] {
  const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';
  const rows = result.steps.map((step) => {
    const probe = probes.find(({ when }) => step.name === `probe ${when}`);
    const answer = probe?.answer ?? (step.exitCode === 0 ? 'done' : 'failed');
    const missed =
      probe === undefined || probe.answer === probe.expected ? '' : `expected ${probe.expected}: `;
    return [step.name, answer, `${missed}${firstLine(step.stdout) || (probe?.ended ?? '')}`];
  });
  const missing = probes.filter(({ answer }) => answer === 'not run');
  return alignColumns([
    ...rows,
    ...missing.map(({ when, answer, ended }) => [`probe ${when}`, answer, ended]),
  ]);
}

function renderProblem({ found, evidence }: Trial['problems'][number]): readonly string[] {
  return [`- ${found}`, ...evidence.map((line) => `  | ${line}`)];
}

/** A boot writes hundreds of lines: without `whole`, those about live patching, and the last ones when the guest died. */
function renderLog(kernelLog: string, whole: boolean, died: boolean): readonly string[] {
  const lines = kernelLog.trimEnd().split('\n');
  const tail = died ? lines.length - LOG_TAIL : lines.length;
  const shown = lines.filter((line, index) => whole || index >= tail || /livepatch|resplice/.test(line));
  const note = whole ? '' : `, ${shown.length} of them here (--verbose shows all)`;
  return [`kernel log: ${count(lines.length, 'line')}${note}`, ...shown.map((line) => `  ${line}`)];
}

async function assertProbe(path: string): Promise<void> {
  try {
    await access(path, constants.X_OK);
    if ((await stat(path)).isFile()) return;
  } catch (cause) {
    const message = `${path}: the probe cannot be run; it must be an executable file (chmod +x)`;
    throw new InputError('probe-not-executable', message, { context: { file: path }, cause });
  }
  throw new InputError('probe-not-executable', `${path}: the probe must be a file`, {
    context: { file: path },
  });
}
