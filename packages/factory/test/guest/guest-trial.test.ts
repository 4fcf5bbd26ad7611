import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellingUpdate } from '@resplice/update/sample';
import type { GuestResult, StepResult } from '@resplice/vm';
import { judgeGuest, planGuest } from '../../src/guest/guest-trial.js';

const [VMLINUX] = tellingUpdate().manifest.objects;
assert.ok(VMLINUX);
const CAN = tellingUpdate({ objects: [VMLINUX, { ...VMLINUX, name: 'can_raw', buildId: 'cd'.repeat(20) }] });
const UPDATES = [
  { id: 'first', update: tellingUpdate() },
  { id: 'second', update: CAN },
  { id: 'third', update: tellingUpdate() },
];
const NAMES = planGuest(UPDATES, '/host/resplice.cjs').steps.map(({ name }) => name);
const LOG = [
  '[    1.0] WARNING: at boot, before any update',
  '[    9.0] resplice-evaluate: 0 sample_1',
  '[   10.0] resplice-evaluate: 1 sample_1',
  '[   11.0] resplice-evaluate: 2 sample_1',
];

function step(name: string, change: Partial<StepResult> = {}): StepResult {
  const bytes = new Uint8Array();
  return {
    name,
    argv: [name],
    exitCode: 0,
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

function guest(
  changes: Readonly<Record<string, Partial<StepResult>>> = {},
  change: Partial<GuestResult> = {},
): GuestResult {
  return {
    accelerator: 'tcg',
    outcome: 'completed',
    explanation: '',
    steps: NAMES.map((name) => step(name, changes[name])),
    kernelLog: LOG.join('\n'),
    console: '',
    bootMilliseconds: 1,
    ...change,
  };
}

test('each update is marked, applied and undone before the next one, with its modules loaded', () => {
  assert.deepEqual(NAMES, [
    ...['make fifos', 'attendant'],
    ...['mark first', 'begin first', 'apply first', 'undo first'],
    ...['mark second', 'load can_raw for second', 'begin second', 'apply second', 'undo second'],
    ...['unload can_raw for second', 'mark third', 'begin third', 'apply third', 'undo third'],
  ]);
});

test('modules that must not be loaded before, and those that need them, are loaded behind the apply', () => {
  const late = [{ module: 'can', because: ['init_module'] }];
  const update = { ...CAN, manifest: { ...CAN.manifest, requiresUnloaded: late } };
  const { steps } = planGuest([{ id: 'it', update }], '/host/resplice.cjs');
  assert.deepEqual(
    steps.slice(2).map(({ name }) => name.replace(/ for it$/, '')),
    [
      ...['mark it', 'can is absent', 'load can_raw', 'begin it', 'apply it', 'load can', 'load can_raw'],
      ...['unload can_raw', 'unload can', 'undo it', 'unload can_raw'],
    ],
  );
  const [first] = steps.filter(({ name }) => name === 'load can_raw for it');
  assert.deepEqual(first?.argv.slice(-2), ['can_raw', 'can']);
});

test('updates that apply and undo with a clean log are applied, whatever their modules do', () => {
  const failed = { exitCode: 1 };
  const result = guest({ 'load can_raw for second': failed, 'unload can_raw for second': failed });
  assert.deepEqual(
    [...judgeGuest(UPDATES, result)].map(([id, { applied, problem }]) => [id, applied, problem]),
    UPDATES.map(({ id }) => [id, true, null]),
  );
});

test('a complaint of the kernel belongs to the update whose steps were running', () => {
  const kernelLog = [...LOG.slice(0, 3), '[   10.1] WARNING: CPU: 0 PID: 7', ...LOG.slice(3)].join('\n');
  const verdicts = judgeGuest(UPDATES, guest({}, { kernelLog }));
  assert.deepEqual(
    [...verdicts.values()].map(({ applied }) => applied),
    [true, false, true],
  );
  assert.match(verdicts.get('second')?.problem ?? '', /WARNING: CPU: 0/);
});

test('what the shipped kernel says while modules are loaded, or the hole is shown, is nothing against the update', () => {
  const warning = '[   10.1] WARNING: CPU: 0 PID: 7';
  const next = '[   10.0] resplice-evaluate: 1 sample_1 is next';
  const judge = (lines: readonly string[]) =>
    judgeGuest(UPDATES, guest({}, { kernelLog: [...LOG.slice(0, 2), ...lines].join('\n') })).get('second');
  const begun = LOG[2] ?? '';
  const verdict = judge([next, warning, begun]);
  assert.equal(verdict?.applied, true, verdict?.problem ?? '');
  assert.match(verdict.log, /WARNING: CPU: 0/);
  assert.equal(judge([next, begun, warning])?.applied, false);
});

test('what the shipped kernel says without the update is nothing against it, and all else is', () => {
  const said = (time: number, place: string) => `[   10.${time}] WARNING: CPU: 0 PID: ${time} at ${place}`;
  const own = 'crypto/testmgr.c:5907 alg_test.cold+0x7c/0xf5';
  const judge = (place: string) => {
    const kernelLog = [...LOG.slice(0, 3), said(1, place), ...LOG.slice(3)].join('\n');
    return judgeGuest(UPDATES, guest({}, { kernelLog }), [said(7, own)]).get('second')?.applied;
  };
  assert.deepEqual([judge(own), judge('kernel/fork.c:1 copy+0x1/0x2')], [true, false]);
});

test('an update that is refused does not stand against the next one', () => {
  const result = guest({
    'apply second': { exitCode: 3, stderr: 'the code differs' },
    'undo second': { exitCode: 1 },
  });
  const verdicts = judgeGuest(UPDATES, result);
  const { applied, problem } = verdicts.get('second') ?? {};
  assert.deepEqual([applied, problem], [false, '"apply second" failed: exit status 3\nthe code differs']);
  assert.equal(verdicts.get('third')?.applied, true);
});

test('an update that stays applied ends what this guest can tell', () => {
  const verdicts = judgeGuest(UPDATES, guest({ 'undo second': { exitCode: 1 } }));
  assert.deepEqual([...verdicts.keys()], ['first', 'second']);
  assert.equal(verdicts.get('second')?.applied, false);
});

test('the update at which the guest dies is the culprit, and those after it have no verdict', () => {
  const steps = NAMES.slice(0, NAMES.indexOf('undo second')).map((name) => step(name));
  steps.push(step('undo second', { exitCode: null }));
  const died = { outcome: 'panicked', explanation: 'Fatal exception', steps } as const;
  const verdicts = judgeGuest(UPDATES, guest({}, died));
  assert.deepEqual([...verdicts.keys()], ['first', 'second']);
  assert.equal(verdicts.get('first')?.applied, true);
  assert.match(
    verdicts.get('second')?.problem ?? '',
    /^the guest died in "undo second": Fatal exception\n"undo second" failed: cut short/,
  );
});

test('a guest that dies before the first update gives no verdict', () => {
  assert.equal(judgeGuest(UPDATES, guest({}, { outcome: 'lost', steps: [] })).size, 0);
});

test('a command that ended by a signal ends what the guest can tell', () => {
  const cut = { exitCode: null, signal: 'SIGKILL' };
  const verdicts = judgeGuest(UPDATES, guest({ 'apply first': cut, 'undo first': cut, 'apply second': cut }));
  assert.deepEqual([...verdicts.keys()], ['first']);
  assert.match(verdicts.get('first')?.problem ?? '', /"apply first" failed: ended by SIGKILL/);
});

const WITH_PROBE = [{ id: 'probed', update: tellingUpdate(), probe: 'exit 1' }];

function probed(before: number, applied: number, undone: number) {
  const steps = planGuest(WITH_PROBE, '/host/resplice.cjs').steps.map(({ name }) => step(name));
  const codes = [before, applied, undone];
  const answers = steps.map((each) =>
    each.name.startsWith('probe ') ? { ...each, exitCode: codes.shift() ?? null } : each,
  );
  return judgeGuest(WITH_PROBE, guest({}, { steps: answers, kernelLog: '' })).get('probed');
}

test('a probe has to find the hole before and after, and none while the update is applied', () => {
  assert.equal(probed(1, 0, 1)?.applied, true);
  assert.deepEqual(probed(1, 0, 1)?.probe, ['before: exposed', 'applied: safe', 'undone: exposed']);
  assert.match(probed(0, 0, 1)?.problem ?? '', /^probe before: expected exposed, got safe$/);
  assert.match(probed(1, 1, 1)?.problem ?? '', /^probe applied: expected safe, got exposed$/);
  assert.match(probed(1, 0, 2)?.problem ?? '', /^probe undone: expected exposed, got no answer$/);
});

test('what machines have already is applied first and stays; without it nothing is told', () => {
  const below = tellingUpdate({ id: 'below_1' });
  const names = planGuest(UPDATES.slice(0, 1), '/host/resplice.cjs', [below]).steps.map(({ name }) => name);
  assert.deepEqual(names.slice(2), [
    ...['apply below_1 below', 'mark first', 'begin first', 'apply first', 'undo first'],
  ]);
  const steps = names.map((name) => step(name, { exitCode: name === 'apply below_1 below' ? 1 : 0 }));
  assert.equal(judgeGuest(UPDATES, guest({}, { steps })).size, 0);
});

test('the log has every step with its output, and the kernel log of that update alone', () => {
  const verdict = judgeGuest(UPDATES, guest({ 'apply first': { stdout: 'applied in 3 ms' } })).get('first');
  assert.match(verdict?.log ?? '', /# apply first: exit status 0, 1 ms\napplied in 3 ms/);
  assert.doesNotMatch(verdict?.log ?? '', /at boot, before any update/);
});
