// `resplice try`: the update in a guest with the kernel it is for, between three runs of a probe. The guest runs the same
// command that an administrator would, from the same bundle; what comes back is judged here, from data only.

import { COMMAND, describeEnd, FLOCK, FOLDER, outputOf, WASM_ONCE } from '@resplice/factory/guest';
import { encodeUpdate, type Update } from '@resplice/update';
import {
  findKernelComplaints,
  type GuestFile,
  type GuestResult,
  type GuestSpec,
  type GuestStep,
} from '@resplice/vm';

const NOBODY = 65534;

export interface TrialPlan {
  readonly update: Update;
  /** Updates that are applied first and stay. */
  readonly on: readonly Update[];
  /** Host paths. */
  readonly probe: string;
  readonly bundle: string;
  readonly probeUser: 'nobody' | 'root';
  /** Kernel modules loaded before the first probe, and between apply and the second. */
  readonly modules: readonly string[];
  readonly loadAfter: readonly string[];
}

/** 0 says safe, 1 exposed; anything else, or no end, is `unknown`. */
export type Answer = 'safe' | 'exposed' | 'unknown' | 'not run';

export interface ProbeRun {
  readonly when: 'before' | 'applied' | 'undone';
  readonly expected: Answer;
  readonly answer: Answer;
  /** How it ended, for example `exit status 0`. */
  readonly ended: string;
  readonly output: string;
}

export interface Trial {
  readonly probes: readonly ProbeRun[];
  /** What is not as it must be, each as one sentence, with the lines that show it; empty when the update proved itself. */
  readonly problems: readonly { readonly found: string; readonly evidence: readonly string[] }[];
  readonly complaints: readonly string[];
  readonly result: GuestResult;
}

const PROBES = [
  { when: 'before', expected: 'exposed' },
  { when: 'applied', expected: 'safe' },
  { when: 'undone', expected: 'exposed' },
] as const;

export function planTrial(plan: TrialPlan): Pick<GuestSpec, 'files' | 'steps' | 'withNode'> {
  const updates = [...plan.on, plan.update];
  const path = (update: Update): string => `${FOLDER}/${update.manifest.id}.splice`;
  const files: GuestFile[] = [
    { path: COMMAND, source: { file: plan.bundle } },
    { path: `${FOLDER}/probe`, source: { file: plan.probe }, mode: 0o755 },
    { path: FLOCK, source: { file: FLOCK } },
    ...updates.map((update) => ({ path: path(update), source: { bytes: encodeUpdate(update) } })),
  ];
  const resplice = (name: string, ...args: string[]): GuestStep => ({
    name,
    argv: ['node', WASM_ONCE, COMMAND, ...args],
  });
  const load = (name: string): GuestStep => ({ name: `load ${name}`, argv: ['modprobe', name] });
  const [before, applied, undone] = PROBES.map(({ when }) => ({
    name: `probe ${when}`,
    argv: [`${FOLDER}/probe`],
    uid: plan.probeUser === 'root' ? 0 : NOBODY,
  }));
  const steps = [
    ...plan.modules.map(load),
    ...plan.on.map((update) => resplice(`apply ${update.manifest.id}`, 'apply', path(update))),
    before,
    resplice('apply', 'apply', path(plan.update)),
    ...plan.loadAfter.map(load),
    applied,
    // In a guest nothing is at stake, and a stale pointer shows.
    resplice('undo', 'undo', '--force', plan.update.manifest.id),
    undone,
  ];
  return { files, steps: steps.filter((step) => step !== undefined), withNode: true };
}

/** What the guest's run proves. */
export function judgeTrial(result: GuestResult): Trial {
  const probes = PROBES.map(({ when, expected }) => readProbe(result, when, expected));
  const complaints = findKernelComplaints(result.kernelLog);
  const failed = result.steps.filter((step) => !step.name.startsWith('probe ') && step.exitCode !== 0);
  const problems = [
    ...(result.outcome === 'completed'
      ? []
      : [{ found: `the guest did not run to its end: ${result.explanation}`, evidence: [] }]),
    ...failed.map((step) => ({
      found: `"${step.name}" failed: ${describeEnd(step)}`,
      evidence: outputOf(step),
    })),
    ...probes.filter((probe) => probe.answer !== probe.expected).map(describeMiss),
    ...(complaints.length === 0 ? [] : [{ found: 'the kernel complained', evidence: complaints }]),
  ];
  return { probes, problems, complaints, result };
}

function readProbe(result: GuestResult, when: ProbeRun['when'], expected: Answer): ProbeRun {
  const step = result.steps.find((each) => each.name === `probe ${when}`);
  if (step === undefined)
    return { when, expected, answer: 'not run', ended: 'the guest ended before', output: '' };
  const answers = new Map<number | null, Answer>([
    [0, 'safe'],
    [1, 'exposed'],
  ]);
  const answer = answers.get(step.exitCode) ?? 'unknown';
  return { when, expected, answer, ended: describeEnd(step), output: `${step.stdout}${step.stderr}` };
}

function describeMiss({ when, expected, answer, ended, output }: ProbeRun): Trial['problems'][number] {
  const advice = new Map([
    ['before exposed', '; either the probe does not show this hole, or this kernel does not have it'],
    ['applied safe', '; the update does not close the hole that the probe shows'],
    [
      'undone exposed',
      '; undoing did not bring the old code back, or the probe answers differently the second time',
    ],
  ]);
  const found = `probe ${when}: expected ${expected}, got ${answer} (${ended})${advice.get(`${when} ${expected}`) ?? ''}`;
  return { found, evidence: output.trim() === '' ? [] : output.trim().split('\n') };
}
