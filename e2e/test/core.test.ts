// The core of the trampoline engine against whatever asks it: hostile, damaged and repeated requests change nothing, and are answered by their
// code. The table is e2e/src/core/attacks.ts.

import assert from 'node:assert/strict';
import { after, before, describe, it, test } from 'node:test';
import { readUpdate } from '@resplice/update';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import type { AttackResult } from '../src/core/attack-guest.js';
import { ATTACKS } from '../src/core/attacks.js';
import { CORE_FILE, SPEC, type Spec, UPDATE_FILE } from '../src/core/spec.js';
import { WRONG_CALLS } from '../src/core/wrong-callers.js';
import { FIXES } from '../src/fix.js';
import { bundleGuestProgram } from '../src/guest-program.js';
import { GuestScript } from '../src/guest-script.js';
import { Workshop } from '../src/workshop.js';

const OTHER_MODULE = 'dummy';

const guest = new GuestScript();
let workshop: Workshop | undefined;
const results = new Map<string, AttackResult>();

before(async () => {
  workshop = await Workshop.open();
  const kernel = await workshop.fetch();
  const patch = await workshop.diff('attack', ...FIXES['attach-filter'].paths);
  const made = await workshop.create('attack', [patch], { engine: 'trampoline' });
  const { manifest, files } = await readUpdate(made.file);
  const { module, objects, trampoline } = manifest;
  assert.ok(trampoline);
  const spec: Spec = {
    module: module.name,
    otherModule: OTHER_MODULE,
    functions: objects.flatMap(({ functions }) => functions),
    trampoline,
  };
  guest.module(OTHER_MODULE);
  guest.file(CORE_FILE, files.get(trampoline.core.file) ?? new Uint8Array());
  guest.file(UPDATE_FILE, files.get(module.file) ?? new Uint8Array());
  guest.file(SPEC, new TextEncoder().encode(JSON.stringify(spec)));
  const program = guest.file('/core/attack.cjs', await bundleGuestProgram('core/attack-guest.js'));
  guest.shell('other module', `modprobe ${OTHER_MODULE}`);
  guest.step({ name: 'attack', argv: ['node', program], timeoutSeconds: 900 });
  guest.shell('remove', `rmmod ${module.name} && rmmod resplice_core && rmmod ${OTHER_MODULE}`);
  guest.finish(await runGuest(guest.spec(kernel)));
  const { exitCode, stdout, stderr } = guest.ran('attack');
  assert.equal(exitCode, 0, stderr);
  for (const result of JSON.parse(stdout) as AttackResult[]) results.set(result.title, result);
});

after(() => workshop?.close());

describe('the device of the core', () => {
  for (const { title, expect } of WRONG_CALLS)
    it(`${title}: ${expect}`, () =>
      assert.deepEqual(results.get(title), { title, got: expect, changed: [] }));
});

describe('the core answers, without any effect,', () => {
  for (const { title, expect, scanned } of ATTACKS)
    it(`${title}: ${expect}`, () => {
      const { busy, ...result } = results.get(title) ?? {};
      assert.deepEqual(result, { title, got: expect, changed: [] });
      const found = new RegExp(
        `^kworker/\\S+, pid above 0, ${scanned ? 'word' : 'frame'} [1-9]\\d*, inside$`,
      );
      if (expect === 'BUSY') assert.match(busy ?? '', found);
    });
});

test('random changes of a right request change nothing in the kernel', () => {
  const title = 'random changes';
  assert.deepEqual(results.get(title), { title, got: '2000 answered', changed: [] });
});

test('afterwards nothing holds a module, and the kernel has nothing to complain about', () => {
  assert.equal(guest.ran('remove').exitCode, 0, guest.ran('remove').stderr);
  assert.equal(guest.result.outcome, 'completed', guest.result.explanation);
  assert.deepEqual(findKernelComplaints(guest.result.kernelLog), []);
});
