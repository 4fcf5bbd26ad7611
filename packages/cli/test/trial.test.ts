import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellingUpdate } from '@resplice/update/sample';
import type { GuestResult, StepResult } from '@resplice/vm';
import { renderTrial } from '../src/commands/try.js';
import { judgeTrial, planTrial, type TrialPlan } from '../src/trial.js';

const PLAN: TrialPlan = {
  update: tellingUpdate(),
  on: [],
  probe: '/host/probe',
  bundle: '/host/resplice.cjs',
  probeUser: 'nobody',
  modules: [],
  loadAfter: [],
};

function step(name: string, exitCode: number | null, change: Partial<StepResult> = {}): StepResult {
  const bytes = new Uint8Array();
  return {
    name,
    argv: [name],
    exitCode,
    signal: null,
    timedOut: false,
    stdout: '',
    stderr: '',
    stdoutBytes: bytes,
    stderrBytes: bytes,
    truncated: false,
    milliseconds: 1,
    ...change,
  };
}

function guest(steps: readonly StepResult[], change: Partial<GuestResult> = {}): GuestResult {
  return {
    accelerator: 'tcg',
    outcome: 'completed',
    explanation: '',
    steps,
    kernelLog: "[    9.1] livepatch: 'resplice_sample_1': patching complete\n[    9.2] other\n",
    console: '',
    bootMilliseconds: 1,
    ...change,
  };
}

const GOOD = [
  step('probe before', 1, { stdout: 'a filter was attached\n' }),
  step('apply', 0, { stdout: 'sample_1 is applied\n' }),
  step('probe applied', 0),
  step('undo', 0),
  step('probe undone', 1),
];

/** The good run with one step replaced. */
function withStep(changed: StepResult): GuestResult {
  return guest(GOOD.map((each) => (each.name === changed.name ? changed : each)));
}

const findings = (result: GuestResult): readonly string[] =>
  judgeTrial(result).problems.map(({ found }) => found);

test('plans probe, apply, probe, undo, probe, with modules and other updates in their places', () => {
  const other = tellingUpdate({
    id: 'other_1',
    module: {
      ...tellingUpdate().manifest.module,
      file: 'module/resplice_other_1.ko',
      name: 'resplice_other_1',
    },
  });
  const { steps, files } = planTrial({ ...PLAN, on: [other], modules: ['first'], loadAfter: ['second'] });
  assert.deepEqual(
    steps.map(({ name }) => name),
    [
      'load first',
      'apply other_1',
      'probe before',
      'apply',
      'load second',
      'probe applied',
      'undo',
      'probe undone',
    ],
  );
  assert.ok(files.some(({ path }) => path === '/resplice/other_1.splice'));
});

test('runs the probe as nobody, unless root is asked for, and everything else as root', () => {
  const ids = (probeUser: 'nobody' | 'root') =>
    planTrial({ ...PLAN, probeUser }).steps.map(({ uid }) => uid ?? 0);
  assert.deepEqual(ids('nobody'), [65534, 0, 65534, 0, 65534]);
  assert.deepEqual(ids('root'), [0, 0, 0, 0, 0]);
});

test('finds nothing wrong with exposed, safe, exposed', () => {
  const trial = judgeTrial(guest(GOOD));
  assert.deepEqual(trial.problems, []);
  const outcome = renderTrial(trial, PLAN.update, false);
  assert.equal(outcome.exitStatus, 0);
  assert.deepEqual(outcome.lines.slice(0, 5), [
    'probe before   exposed  a filter was attached',
    'apply          done     sample_1 is applied',
    'probe applied  safe     exit status 0',
    'undo           done',
    'probe undone   exposed  exit status 1',
  ]);
  assert.ok(outcome.lines.some((line) => line.includes('patching complete')));
  assert.ok(!outcome.lines.some((line) => line.includes('other')));
});

test('gives the output of steps to JSON as text only', () => {
  const text = JSON.stringify(renderTrial(judgeTrial(guest(GOOD)), PLAN.update, false).json);
  assert.ok(text.includes('a filter was attached') && !text.includes('stdoutBytes'));
});

test('prints the whole kernel log when asked to', () => {
  const { lines } = renderTrial(judgeTrial(guest(GOOD)), PLAN.update, true);
  assert.ok(lines.some((line) => line.includes('[    9.2] other')));
});

test('is not satisfied by any other answer of a probe', () => {
  for (const [when, expected] of [
    ['before', 'exposed'],
    ['applied', 'safe'],
    ['undone', 'exposed'],
  ]) {
    const wrong = [step(`probe ${when}`, expected === 'safe' ? 1 : 0), step(`probe ${when}`, 2)];
    const ended = [
      step(`probe ${when}`, null, { signal: 'SIGSEGV' }),
      step(`probe ${when}`, null, { timedOut: true }),
    ];
    for (const each of [...wrong, ...ended]) {
      const [found, ...rest] = findings(withStep(each));
      assert.match(found ?? '', new RegExp(`^probe ${when}: expected ${expected}, got `));
      assert.deepEqual(rest, []);
    }
  }
});

test('names a step that failed, with its output', () => {
  const { problems } = judgeTrial(withStep(step('apply', 1, { stderr: 'refused, for 1 reason:\n' })));
  assert.deepEqual(problems, [
    { found: '"apply" failed: exit status 1', evidence: ['refused, for 1 reason:'] },
  ]);
});

test('tells a guest that died from a test that failed', () => {
  const result = guest(GOOD.slice(0, 1), {
    outcome: 'panicked',
    explanation: 'Kernel panic - not syncing: x',
  });
  const [first, ...rest] = findings(result);
  assert.match(first ?? '', /did not run to its end: Kernel panic/);
  assert.deepEqual(
    rest.map((found) => found.slice(0, 45)),
    ['probe applied: expected safe, got not run (th', 'probe undone: expected exposed, got not run ('],
  );
  const outcome = renderTrial(judgeTrial(result), PLAN.update, false);
  assert.equal(outcome.exitStatus, 1);
  assert.equal(outcome.lines[1], 'probe applied  not run  the guest ended before');
});
