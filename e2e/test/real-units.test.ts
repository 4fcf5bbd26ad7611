// Real fixes of a security release end to end: split from the release, made into updates, applied to the running kernel, used, and taken
// back. One boot for all; e2e/src/real-unit.ts lists them and what each is there for.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import { FIXES } from '../src/fix.js';
import { GuestScript, NOTHING_LEFT } from '../src/guest-script.js';
import { type MadeUnit, makeUnits } from '../src/made-unit.js';
import { CONSTRUCTS, type Construct, type RealUnit, UNITS } from '../src/real-unit.js';
import { assertUnit, planUnit, type UnitSteps } from '../src/unit-steps.js';
import { Workshop } from '../src/workshop.js';

const guest = new GuestScript();
const made = new Map<RealUnit, MadeUnit & { readonly steps: UnitSteps }>();
let workshop: Workshop | undefined;

before(async () => {
  workshop = await Workshop.open(undefined, 'auto');
  const kernel = await workshop.fetch();
  for (const each of await makeUnits(workshop, UNITS)) {
    const steps = await stepsOf(workshop, each);
    for (const name of each.unit.needs ?? []) guest.module(name);
    planUnit(guest, steps);
    made.set(each.unit, { ...each, steps });
  }
  guest.inspectKernel('kernel after');
  // A module of one unit loads ecdh_generic, whose self-test fails in an emulated guest, with a warning, whether an update is applied or not.
  const commandLine = 'cryptomgr.notests=1';
  guest.finish(await runGuest({ ...guest.spec(kernel), commandLine }));
});

after(() => workshop?.close());

for (const unit of UNITS) {
  describe(`${unit.file}: ${unit.text}`, () => {
    test(`has ${unit.constructs.join(', ')}`, () => {
      const { facts, cves } = find(unit);
      const lacking = unit.constructs.filter((each) => !CONSTRUCTS[each].test(facts));
      assert.deepEqual(lacking, [], facts);
      if (unit.cve !== undefined) assert.ok(cves.includes(unit.cve), cves.join(' '));
    });
    test('is applied, active and taken back', () => assertUnit(guest, find(unit).steps));
  });
}

test('every construct of the list is had by one of them', () => {
  const had = new Set<string>(UNITS.flatMap(({ constructs }) => constructs));
  assert.deepEqual(
    Object.keys(CONSTRUCTS).filter((each) => !had.has(each)),
    [] satisfies Construct[],
  );
});

test('the guest ran to its end, nothing is left, and the kernel has nothing to complain about', () => {
  assert.equal(guest.result.outcome, 'completed', guest.result.explanation);
  assert.deepEqual(findKernelComplaints(guest.result.kernelLog), []);
  assert.deepEqual(guest.kernelState('kernel after'), NOTHING_LEFT);
});

async function stepsOf(place: Workshop, { unit, update }: MadeUnit): Promise<UnitSteps> {
  const { loading, modules, probe, use } = unit;
  const name =
    update.file
      .split('/')
      .at(-1)
      ?.replace(/\.splice$/, '') ?? update.id;
  const program =
    probe === undefined ? undefined : { program: await place.compileProbe(probe), user: FIXES[probe].user };
  return { name, update, loading, modules, use, probe: program };
}

function find(unit: RealUnit) {
  const found = made.get(unit);
  assert.ok(found, 'no update was made of it');
  return found;
}
