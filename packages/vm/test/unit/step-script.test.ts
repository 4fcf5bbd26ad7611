import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { encodeAccounts, encodePlan, encodeStepScript } from '../../src/step-script.js';

/** Runs the script on the host with the guest's own parts taken out. */
function runScript(script: string): string {
  const portable = script.replace(/^echo \$\$.*\n/, '').replace(/exec \/vm\/bin\/setpriv .*? -- /, 'exec ');
  return execFileSync('sh', ['-c', portable]).toString();
}

test('arguments and variables reach the program unchanged, whatever is in them', () => {
  const nasty = ['a b', "it's", '$HOME `id` $(id)', '\\', '"', 'line\nbreak', '*', '', "'", '!', 'é'];
  const script = encodeStepScript({ name: 'n', argv: ['printf', '[%s]', ...nasty] }, 0);
  assert.equal(runScript(script), nasty.map((text) => `[${text}]`).join(''));
  const env = encodeStepScript({ name: 'n', argv: ['printenv', 'X'], env: { X: "a'\n$b" } }, 0);
  assert.equal(runScript(env), "a'\n$b\n");
});

test('the ids are set, and the session is announced under the index', () => {
  const script = encodeStepScript({ name: 'n', argv: ['id'], uid: 1000 }, 7);
  assert.match(script, /--reuid 1000 --regid 1000 --clear-groups -- 'id'\n$/);
  assert.match(script, /^echo \$\$ >\/vm\/run\/7\/pid\n/);
});

test('a step that cannot be run is refused', () => {
  const bad = [
    { argv: [] },
    { argv: [''] },
    { argv: ['a\0b'] },
    { argv: ['x'], uid: -1 },
    { argv: ['x'], uid: 1.5 },
    { argv: ['x'], env: { 'A-B': '1' } },
    { argv: ['x'], env: { A: '\0' } },
    { argv: ['x'], timeoutSeconds: 0 },
    { argv: ['x'], timeoutSeconds: Number.NaN },
  ];
  for (const step of bad) {
    assert.throws(
      () => encodeStepScript({ name: 'n', ...step }, 0),
      { code: 'guest-step' },
      JSON.stringify(step),
    );
  }
});

test('the plan has one line per step, whatever its name', () => {
  const plan = encodePlan([
    { name: 'two\nlines \\n é', argv: ['x'], timeoutSeconds: 1.2 },
    { name: 'b', argv: ['x'], background: true },
    { name: 'c', argv: ['x'], background: 'until-end' },
  ]);
  assert.equal(plan, '0 2 foreground two?lines /n ?\n1 300 background b\n2 300 until-end c\n');
});

test('every id of a step has a name, and only once', () => {
  const steps = [0, 1000, 1000, 65534].map((uid) => ({ name: 'n', argv: ['x'], uid }));
  const { passwd, group } = encodeAccounts(steps);
  assert.deepEqual(
    passwd.split('\n').map((line) => line.split(':').slice(0, 3).join(':')),
    ['root:x:0', 'user1000:x:1000', 'nobody:x:65534', ''],
  );
  assert.match(group, /^nogroup:x:65534:$/m);
});
