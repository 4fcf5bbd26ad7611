import assert from 'node:assert';
import { test } from 'node:test';
import { probeMachine } from '../src/machine-facts.js';
import type { FakeMachine } from './fake/fake-machine.js';
import { KALLSYMS, makeMachine } from './fake/situation.js';

function failing(machine: FakeMachine): readonly string[] {
  return probeMachine(machine).flatMap(({ name, ok }) => (ok ? [] : name));
}

test('finds nothing missing on a machine that is ready', () => {
  assert.deepEqual(failing(makeMachine()), []);
});

const LACKS: readonly (readonly [string, (machine: FakeMachine) => void])[] = [
  ['root', (machine) => void Object.assign(machine, { uid: 1000 })],
  ['architecture', (machine) => void Object.assign(machine, { architecture: 'aarch64' })],
  ['kernel', (machine) => void machine.files.delete('/sys/kernel/notes')],
  ['livepatch', (machine) => void machine.files.delete('/sys/kernel/livepatch/')],
  ['ftrace', (machine) => void machine.files.set('/proc/sys/kernel/ftrace_enabled', '0\n')],
  [
    'unsigned-modules',
    (machine) => void machine.files.set('/sys/module/module/parameters/sig_enforce', 'Y\n'),
  ],
  ['modules', (machine) => void machine.files.set('/proc/sys/kernel/modules_disabled', '1\n')],
  [
    'kallsyms',
    (machine) =>
      void Object.assign(machine, { kallsyms: KALLSYMS.replace(/^[0-9a-f]{16}/gm, '0'.repeat(16)) }),
  ],
  ['kernel-memory', (machine) => void Object.assign(machine, { coreProblem: 'ENOENT' })],
];

for (const [name, take] of LACKS) {
  test(`finds ${name} missing, and says what to do`, () => {
    const machine = makeMachine();
    take(machine);
    assert.deepEqual(failing(machine), [name]);
    const fact = probeMachine(machine).find((each) => each.name === name);
    assert.ok(fact !== undefined && fact.found !== '' && fact.need !== '' && fact.advice !== '');
  });
}
