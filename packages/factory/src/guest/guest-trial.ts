// Applies and undoes many updates in one guest, one after the other: a boot and the copy of the program cost more than an update. A guest
// that dies, or keeps an update, says nothing about the updates after it; those get a new guest. What machines have already can lie below
// all of them, and a probe can be asked before, between and after.

import type { FetchedKernel } from '@resplice/build';
import { EnvironmentError, type ProgressSink, wordsOfComplaint } from '@resplice/report';
import { encodeUpdate, type Update } from '@resplice/update';
import {
  findKernelComplaints,
  type GuestResult,
  type GuestSpec,
  type GuestStep,
  runGuest,
  type StepResult,
} from '@resplice/vm';
import { askAttendant, describeEnd, FOLDER, outputOf, planAttendant } from './guest-program.js';
import { reportGuestEvents } from './guest-progress.js';

const MARK = 'resplice-evaluate: ';
const MARK_LINE = /^\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? resplice-evaluate: (\d+) \S+( is next)?/;
const UPDATES_PER_GUEST = 40;
const MEMORY_MB = 2048;
/** Under software emulation, an apply takes tens of seconds. */
const SECONDS_PER_UPDATE = 300;
const PROBE = `${FOLDER}/probe-`;
/** What a probe has to answer, and when. */
const PROBES = [
  { when: 'before', status: 1, expected: 'exposed' },
  { when: 'applied', status: 0, expected: 'safe' },
  { when: 'undone', status: 1, expected: 'exposed' },
] as const;

export interface Trial {
  readonly id: string;
  readonly update: Update;
  /** A shell script: exit status 0 says safe, 1 exposed. */
  readonly probe?: string | undefined;
  /** It takes the place of all that is applied below, which its undo does not bring back. */
  readonly replaces?: boolean;
}

export interface GuestVerdict {
  readonly applied: boolean;
  readonly problem: string | null;
  /** What the probe said before, applied and undone; empty without one. */
  readonly probe: readonly string[];
  /** The steps with their output, and the kernel log while they ran. */
  readonly log: string;
}

export interface TrialOptions {
  /** The command in one file, on the host. */
  readonly bundle: string;
  /** Updates that are applied first and stay. */
  readonly below?: readonly Update[];
  readonly progress: ProgressSink;
  readonly signal: AbortSignal;
  /** Called as soon as a guest has ended, in the order of the updates. */
  readonly onResult?: (id: string, verdict: GuestVerdict) => Promise<void>;
}

/** A verdict for each update; the ids must differ. Throws EnvironmentError `guest-not-started`. */
export async function applyInGuests(
  updates: readonly Trial[],
  kernel: FetchedKernel,
  { bundle, below = [], progress, signal, onResult }: TrialOptions,
): Promise<Map<string, GuestVerdict>> {
  const verdicts = new Map<string, GuestVerdict>();
  while (verdicts.size < updates.length) {
    const batch = updates.slice(verdicts.size, verdicts.size + UPDATES_PER_GUEST);
    const inGuest = [...below, ...batch.map(({ update }) => update)];
    const run = (plan: Pick<GuestSpec, 'files' | 'steps' | 'withNode'>): Promise<GuestResult> =>
      runGuest({
        ...plan,
        vmlinuz: kernel.vmlinuz,
        modules: { directory: kernel.modules, names: [...new Set(inGuest.flatMap(modulesOf))] },
        memoryMb: MEMORY_MB,
        timeoutSeconds: SECONDS_PER_UPDATE * (inGuest.length + 1),
        onEvent: reportGuestEvents(progress, kernel.identity.release),
        signal,
      });
    const result = await run(planGuest(batch, bundle, below));
    let found = judgeGuest(batch, result);
    if (found.size === 0) throw notStarted(result);
    const doubtful = batch.filter(
      ({ id, update }) => lateModules(update).length > 0 && found.get(id)?.applied === false,
    );
    if (doubtful.length > 0) {
      const { kernelLog } = await run(planShipped(doubtful));
      found = judgeGuest(batch, result, findKernelComplaints(kernelLog));
    }
    for (const [id, verdict] of found) {
      verdicts.set(id, verdict);
      await onResult?.(id, verdict);
    }
  }
  return verdicts;
}

/** The same of one update. */
export async function applyInGuest(
  trial: Trial,
  kernel: FetchedKernel,
  options: TrialOptions,
): Promise<GuestVerdict> {
  const verdict = (await applyInGuests([trial], kernel, options)).get(trial.id);
  if (verdict === undefined) throw new Error('the guest gave no verdict');
  return verdict;
}

function notStarted({ explanation, steps }: GuestResult): EnvironmentError {
  const failed = steps.find(({ exitCode, signal }) => exitCode !== 0 && signal !== 'SIGTERM');
  const why =
    explanation === '' && failed !== undefined
      ? [`"${failed.name}": ${describeEnd(failed)}`, ...outputOf(failed)].join('\n')
      : explanation;
  return new EnvironmentError('guest-not-started', `the guest ended before the first update: ${why}`);
}

export function planGuest(
  updates: readonly Trial[],
  bundle: string,
  below: readonly Update[] = [],
): Pick<GuestSpec, 'files' | 'steps' | 'withNode'> {
  const attendant = planAttendant(bundle);
  return {
    files: [
      ...attendant.files,
      ...below.map((update, index) => ({
        path: pathOf(`below-${index}`),
        source: { bytes: encodeUpdate(update) },
      })),
      ...updates.map(({ update }, index) => ({
        path: pathOf(index),
        source: { bytes: encodeUpdate(update) },
      })),
      ...updates.flatMap(({ probe }, index) =>
        probe === undefined
          ? []
          : [{ path: `${PROBE}${index}`, source: { bytes: Buffer.from(probe) }, mode: 0o755 }],
      ),
    ],
    steps: [...attendant.steps, ...below.flatMap(planBelow), ...updates.flatMap(planSteps)],
    withNode: true,
  };
}

function planBelow(update: Update, index: number): readonly GuestStep[] {
  const { id } = update.manifest;
  return [
    ...presentModules(update).map((name) => load(name, id)),
    askAttendant(`apply ${id} below`, 'apply', pathOf(`below-${index}`)),
  ];
}

/**
 * The verdicts that this guest can give, in the order of the updates: up to the one at which it died, or which stayed applied. Empty when it
 * never came to the first one.
 * @param shipped complaints of a kernel without the updates, which count for nothing
 */
export function judgeGuest(
  updates: readonly Trial[],
  result: GuestResult,
  shipped: readonly string[] = [],
): ReadonlyMap<string, GuestVerdict> {
  const verdicts = new Map<string, GuestVerdict>();
  const logs = splitLog(result.kernelLog);
  const innocent = new Set(shipped.map(wordsOfComplaint));
  const last = result.steps.at(-1)?.name;
  if (result.steps.some(({ name, exitCode }) => / below$/.test(name) && exitCode !== 0)) return verdicts;
  for (const [index, named] of updates.entries()) {
    const names = new Set(planSteps(named, index).map(({ name }) => name));
    const steps = result.steps.filter(({ name }) => names.has(name));
    if (steps.length === 0) break;
    const died = result.outcome !== 'completed' && last !== undefined && names.has(last);
    const find = (verb: string) => steps.find(({ name }) => name === `${verb} ${named.id}`);
    const [apply, undo] = [find('apply'), find('undo')];
    const { whole, changed } = logs.get(index) ?? NO_LOG;
    const problems = [
      ...(died ? [`the guest died in "${last}": ${result.explanation}`] : []),
      ...describeFailure(apply),
      // Nothing to undo is no second problem.
      ...(apply?.exitCode === 0 ? describeFailure(undo) : []),
      ...(apply?.exitCode === 0 ? describeProbes(named, find) : []),
      ...findKernelComplaints(changed).filter((each) => !innocent.has(wordsOfComplaint(each))),
    ];
    verdicts.set(named.id, {
      applied: problems.length === 0,
      problem: problems.length === 0 ? null : problems.join('\n'),
      probe: answersOf(named, find).map(({ when, answer }) => `${when}: ${answer}`),
      log: renderLog(steps, whole),
    });
    const refused = apply !== undefined && apply.exitCode !== null && apply.exitCode !== 0;
    if (died || !(refused || undo?.exitCode === 0)) break;
  }
  return verdicts;
}

type Find = (verb: string) => StepResult | undefined;

function answersOf({ probe }: Trial, find: Find) {
  if (probe === undefined) return [];
  return PROBES.map(({ when, status, expected }) => {
    const step = find(`probe ${when}`);
    const answer = step?.exitCode === 0 ? 'safe' : step?.exitCode === 1 ? 'exposed' : 'no answer';
    return { when, answer, expected, isRight: step?.exitCode === status };
  });
}

function describeProbes(trial: Trial, find: Find): readonly string[] {
  return answersOf(trial, find)
    .filter(({ isRight }) => !isRight)
    .map(({ when, answer, expected }) => `probe ${when}: expected ${expected}, got ${answer}`);
}

function renderLog(steps: readonly StepResult[], kernelLog: string): string {
  const lines = steps.flatMap((step) => [
    `# ${step.name}: ${describeEnd(step)}, ${step.milliseconds} ms`,
    ...outputOf(step),
  ]);
  return `${lines.join('\n')}\n\n# kernel log\n${kernelLog}`;
}

/**
 * Modules that do not load without their hardware stay unloaded: the update is then prepared for them. Those that must not be loaded before are
 * loaded after it is applied, and unloaded before it is undone; so are modules that need them.
 */
function planSteps({ id, update, probe, replaces }: Trial, index: number): readonly GuestStep[] {
  const late = lateModules(update);
  const modules = presentModules(update);
  // Any of them may need a late one, and then waits for it.
  const waiting = late.length === 0 ? [] : modules;
  const ask = (when: string): readonly GuestStep[] =>
    probe === undefined ? [] : [{ name: `probe ${when} ${id}`, argv: ['sh', `${PROBE}${index}`] }];
  return [
    mark(`mark ${id}`, `${index} ${update.manifest.id} is next`),
    // An earlier update may have left it there.
    ...late.map((name): GuestStep => ({ ...unload(name, id), name: `${name} is absent for ${id}` })),
    ...modules.map((name) => loadWithout(late, name, id)),
    ...ask('before'),
    mark(`begin ${id}`, `${index} ${update.manifest.id}`),
    askAttendant(`apply ${id}`, 'apply', ...(replaces === true ? ['--replace'] : []), pathOf(index)),
    ...late.map((name) => load(name, id)),
    ...waiting.map((name) => load(name, id)),
    ...ask('applied'),
    ...waiting.toReversed().map((name) => unloadWith(late, name, id)),
    ...late.toReversed().map((name) => unload(name, id)),
    // In a guest nothing is at stake, and a stale pointer shows.
    askAttendant(`undo ${id}`, 'undo', '--force', update.manifest.id),
    ...ask('undone'),
    ...modules.toReversed().map((name) => unload(name, id)),
  ];
}

function mark(name: string, text: string): GuestStep {
  return { name, argv: ['sh', '-c', 'echo "$1" > /dev/kmsg', 'sh', `${MARK}${text}`] };
}

function load(name: string, id: string): GuestStep {
  return { name: `load ${name} for ${id}`, argv: ['modprobe', name] };
}

function unload(name: string, id: string): GuestStep {
  return { name: `unload ${name} for ${id}`, argv: ['modprobe', '-r', name] };
}

/** No update: what the shipped kernel says when it loads the modules that others loaded behind their update. */
function planShipped(trials: readonly Trial[]): Pick<GuestSpec, 'files' | 'steps'> {
  const steps = trials.flatMap(({ id, update }) => modulesOf(update).map((name) => load(name, id)));
  return { files: [], steps };
}

/** Whether the module $1 needs one of $2, which is a pattern. */
const NEEDS = 'modprobe --show-depends "$1" | tr - _ | grep -qE "/($2)[.]ko"';

/** Unless it would be loaded together with one of those that must not be there yet. */
function loadWithout(late: readonly string[], name: string, id: string): GuestStep {
  const plain = load(name, id);
  if (late.length === 0) return plain;
  return { ...plain, argv: ['sh', '-c', `${NEEDS} || modprobe "$1"`, 'sh', name, late.join('|')] };
}

/** If it keeps one of them from being unloaded. */
function unloadWith(late: readonly string[], name: string, id: string): GuestStep {
  const argv = ['sh', '-c', `${NEEDS} || exit 0; modprobe -r "$1"`, 'sh', name, late.join('|')];
  return { ...unload(name, id), argv };
}

interface UpdateLog {
  readonly whole: string;
  /** From the apply on. What the shipped kernel says when a module is loaded, or when its hole is shown, is nothing against the update. */
  readonly changed: string;
}

const NO_LOG: UpdateLog = { whole: '', changed: '' };

/** The kernel log by the update whose steps were running; what came before the first one belongs to none. */
function splitLog(kernelLog: string): ReadonlyMap<number, UpdateLog> {
  const logs = new Map<number, UpdateLog>();
  let at: { readonly index: number; readonly isNext: boolean } | undefined;
  for (const line of kernelLog.split('\n')) {
    const [, index, next] = MARK_LINE.exec(line) ?? [];
    if (index !== undefined) at = { index: Number(index), isNext: next !== undefined };
    else if (at !== undefined) {
      const { whole, changed } = logs.get(at.index) ?? NO_LOG;
      logs.set(at.index, {
        whole: `${whole}${line}\n`,
        changed: at.isNext ? changed : `${changed}${line}\n`,
      });
    }
  }
  return logs;
}

function describeFailure(step: StepResult | undefined): readonly string[] {
  if (step === undefined || step.exitCode === 0) return [];
  return [[`"${step.name}" failed: ${describeEnd(step)}`, ...outputOf(step)].join('\n')];
}

/** Those that must not be loaded before it is applied. */
function lateModules({ manifest }: Update): readonly string[] {
  return (manifest.requiresUnloaded ?? []).map(({ module }) => module);
}

/** Those that may be loaded when it is applied. */
function presentModules(update: Update): readonly string[] {
  const late = new Set(lateModules(update));
  return modulesOf(update).filter((name) => !late.has(name));
}

function modulesOf({ manifest }: Update): readonly string[] {
  return manifest.objects.map(({ name }) => name).filter((name) => name !== 'vmlinux');
}

function pathOf(name: number | string): string {
  return `${FOLDER}/${name}.splice`;
}
