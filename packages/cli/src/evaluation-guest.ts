// Applies and undoes many updates in one guest, one after the other: a boot and the copy of the program cost more than an update. A guest
// that dies, or keeps an update, says nothing about the updates after it; those get a new guest.

import type { FetchedKernel } from '@resplice/build';
import { EnvironmentError, type ProgressSink } from '@resplice/report';
import { encodeUpdate, type Update } from '@resplice/update';
import {
  findKernelComplaints,
  type GuestResult,
  type GuestSpec,
  type GuestStep,
  runGuest,
  type StepResult,
} from '@resplice/vm';
import { findBundle } from './bundle-file.js';
import { reportGuestEvents } from './guest-progress.js';
import { describeEnd, FLOCK, FOLDER, outputOf, WASM_ONCE } from './trial.js';

const MARK = 'resplice-evaluate: ';
const MARK_LINE = /^\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? resplice-evaluate: (\d+) /;
const UPDATES_PER_GUEST = 40;
const MEMORY_MB = 2048;
/** Under software emulation, an apply takes tens of seconds. */
const SECONDS_PER_UPDATE = 300;

export interface NamedUpdate {
  readonly id: string;
  readonly update: Update;
}

export interface GuestVerdict {
  readonly applied: boolean;
  readonly problem: string | null;
}

export interface GuestOptions {
  readonly progress: ProgressSink;
  readonly signal: AbortSignal;
  /** Called as soon as a guest has ended, in the order of the updates. */
  readonly onResult?: (id: string, verdict: GuestVerdict) => Promise<void>;
}

/** A verdict for each update; the ids must differ. */
export async function applyInGuests(
  updates: readonly NamedUpdate[],
  kernel: FetchedKernel,
  { progress, signal, onResult }: GuestOptions,
): Promise<Map<string, GuestVerdict>> {
  const verdicts = new Map<string, GuestVerdict>();
  while (verdicts.size < updates.length) {
    const batch = updates.slice(verdicts.size, verdicts.size + UPDATES_PER_GUEST);
    const result = await runGuest({
      ...planGuest(batch, findBundle()),
      vmlinuz: kernel.vmlinuz,
      modules: {
        directory: kernel.modules,
        names: [...new Set(batch.flatMap(({ update }) => modulesOf(update)))],
      },
      memoryMb: MEMORY_MB,
      timeoutSeconds: SECONDS_PER_UPDATE * (batch.length + 1),
      onEvent: reportGuestEvents(progress, kernel.identity.release),
      signal,
    });
    const found = judgeGuest(batch, result);
    if (found.size === 0) {
      throw new EnvironmentError(
        'guest-not-started',
        `the guest ended before the first update: ${result.explanation}`,
      );
    }
    for (const [id, verdict] of found) {
      verdicts.set(id, verdict);
      await onResult?.(id, verdict);
    }
  }
  return verdicts;
}

export function planGuest(
  updates: readonly NamedUpdate[],
  bundle: string,
): Pick<GuestSpec, 'files' | 'steps' | 'withNode'> {
  return {
    files: [
      { path: `${FOLDER}/resplice.cjs`, source: { file: bundle } },
      { path: FLOCK, source: { file: FLOCK } },
      ...updates.map(({ update }, index) => ({
        path: pathOf(index),
        source: { bytes: encodeUpdate(update) },
      })),
    ],
    steps: updates.flatMap(planSteps),
    withNode: true,
  };
}

/**
 * The verdicts that this guest can give, in the order of the updates: up to the one at which it died, or which stayed applied. Empty when it
 * never came to the first one.
 */
export function judgeGuest(
  updates: readonly NamedUpdate[],
  result: GuestResult,
): ReadonlyMap<string, GuestVerdict> {
  const verdicts = new Map<string, GuestVerdict>();
  const logs = splitLog(result.kernelLog);
  const last = result.steps.at(-1)?.name;
  for (const [index, named] of updates.entries()) {
    const names = new Set(planSteps(named, index).map(({ name }) => name));
    const steps = result.steps.filter(({ name }) => names.has(name));
    if (steps.length === 0) break;
    const died = result.outcome !== 'completed' && last !== undefined && names.has(last);
    const find = (verb: string) => steps.find(({ name }) => name === `${verb} ${named.id}`);
    const [apply, undo] = [find('apply'), find('undo')];
    const problems = [
      ...(died ? [`the guest died in "${last}": ${result.explanation}`] : []),
      ...describeFailure(apply),
      // Nothing to undo is no second problem.
      ...(apply?.exitCode === 0 ? describeFailure(undo) : []),
      ...findKernelComplaints(logs.get(index) ?? ''),
    ];
    verdicts.set(named.id, {
      applied: problems.length === 0,
      problem: problems.length === 0 ? null : problems.join('\n'),
    });
    const refused = apply !== undefined && apply.exitCode !== null && apply.exitCode !== 0;
    if (died || !(refused || undo?.exitCode === 0)) break;
  }
  return verdicts;
}

/**
 * Modules that do not load without their hardware stay unloaded: the update is then prepared for them. Those that must not be loaded before are
 * loaded after it is applied, and unloaded before it is undone.
 */
function planSteps({ id, update }: NamedUpdate, index: number): readonly GuestStep[] {
  const late = new Set((update.manifest.requiresUnloaded ?? []).map(({ module }) => module));
  const modules = modulesOf(update).filter((name) => !late.has(name));
  const load = (name: string): GuestStep => ({ name: `load ${name} for ${id}`, argv: ['modprobe', name] });
  const unload = (name: string): GuestStep => ({
    name: `unload ${name} for ${id}`,
    argv: ['modprobe', '-r', name],
  });
  const resplice = (verb: string, ...args: string[]): GuestStep => ({
    name: `${verb} ${id}`,
    argv: ['node', WASM_ONCE, `${FOLDER}/resplice.cjs`, verb, ...args],
  });
  return [
    {
      name: `mark ${id}`,
      argv: ['sh', '-c', 'echo "$1" > /dev/kmsg', 'sh', `${MARK}${index} ${update.manifest.id}`],
    },
    // An earlier update may have left it there.
    ...[...late].map((name): GuestStep => ({ ...unload(name), name: `${name} is absent for ${id}` })),
    ...modules.map(load),
    resplice('apply', pathOf(index)),
    ...[...late].map(load),
    ...[...late].toReversed().map(unload),
    // In a guest nothing is at stake, and a stale pointer shows.
    resplice('undo', '--force', update.manifest.id),
    ...modules.toReversed().map(unload),
  ];
}

/** The kernel log by the update whose steps were running; what came before the first one belongs to none. */
function splitLog(kernelLog: string): ReadonlyMap<number, string> {
  const logs = new Map<number, string>();
  let index: number | undefined;
  for (const line of kernelLog.split('\n')) {
    const mark = MARK_LINE.exec(line)?.[1];
    if (mark !== undefined) index = Number(mark);
    else if (index !== undefined) logs.set(index, `${logs.get(index) ?? ''}${line}\n`);
  }
  return logs;
}

function describeFailure(step: StepResult | undefined): readonly string[] {
  if (step === undefined || step.exitCode === 0) return [];
  return [[`"${step.name}" failed: ${describeEnd(step)}`, ...outputOf(step)].join('\n')];
}

function modulesOf({ manifest }: Update): readonly string[] {
  return manifest.objects.map(({ name }) => name).filter((name) => name !== 'vmlinux');
}

function pathOf(index: number): string {
  return `${FOLDER}/${index}.splice`;
}
