import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { summarize, type UnitResult } from '../../src/evaluate/evaluation.js';
import { ResultStore } from '../../src/evaluate/result-store.js';
import { drawSample } from '../../src/evaluate/sample.js';

const result = fc.record({
  id: fc.string(),
  files: fc.constant(['net/core/sock.c']),
  joined: fc.constant([]),
  cves: fc.array(fc.constantFrom('CVE-2026-10001', 'CVE-2026-10002', 'CVE-2026-10003')),
  built: fc.boolean(),
  changesCode: fc.boolean(),
  verdict: fc.constantFrom('automatic' as const, 'with-hook' as const, 'refused' as const),
  requiresUnloaded: fc.constantFrom<readonly string[]>([], ['dummy']),
  reasons: fc.array(
    fc.record({
      code: fc.constantFrom('changed-data', 'not-traceable'),
      subject: fc.string(),
      found: fc.string(),
    }),
  ),
  applied: fc.constantFrom(true, false, null),
  applyProblem: fc.constant(null),
  functions: fc.nat(9),
  milliseconds: fc.nat(9000),
  toolMilliseconds: fc.nat(9000),
  program: fc.constant('0123456789ab'),
});

function makeUnit(patch: string) {
  return {
    id: 'net-core-sock-000000',
    files: ['net/core/sock.c'],
    patch: Buffer.from(patch),
    subjects: [],
    cves: [],
    joined: [],
  };
}

test('the sums are those of the units, each counted once', () => {
  fc.assert(
    fc.property(fc.array(result), (units) => {
      const sum = summarize(units, 3);
      assert.equal(sum.units, units.length);
      assert.equal(sum.built, units.filter(({ built }) => built).length);
      assert.equal(
        sum.automatic + sum.whileUnloaded + sum.withHook + sum.refused + sum.withoutCode,
        sum.built,
      );
      assert.equal(
        sum.refusedBy.reduce((total, { units: number }) => total + number, 0),
        sum.refused,
      );
      assert.ok(sum.percentAutomatic >= 0 && sum.percentAutomatic <= sum.percentWhileUnloaded);
      assert.ok(sum.percentWhileUnloaded <= 100 && sum.cves.automatic <= sum.cves.whileUnloaded);
      assert.ok(sum.applied <= sum.tried && sum.tried <= sum.units);
      assert.ok(sum.cves.automatic <= sum.cves.built && sum.cves.built <= sum.cves.all);
    }),
    { seed: 3 },
  );
});

test('a seed draws the same units each time, as many as asked for, in their order', () => {
  const values = Array.from({ length: 100 }, (_, index) => index);
  const drawn = drawSample(values, 10, 7);
  assert.equal(drawn.length, 10);
  assert.deepEqual(drawSample(values, 10, 7), drawn);
  assert.notDeepEqual(drawSample(values, 10, 8), drawn);
  assert.deepEqual(
    drawn.toSorted((a, b) => a - b),
    drawn,
  );
  assert.deepEqual(drawSample(values, 500, 7), values);
});

test('a kept result is found again for the same unit, and for no other patch, code or kernel', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'resplice-results-'));
  try {
    const store = await ResultStore.open(directory, '6.1.0-47-amd64=6.1.170-3');
    const [kept] = fc.sample(result, { numRuns: 1, seed: 5 });
    assert.ok(kept);
    await store.write(makeUnit('one'), [], kept as UnitResult);
    assert.deepEqual(await store.find(makeUnit('one'), []), JSON.parse(JSON.stringify(kept)));
    assert.equal(await store.find(makeUnit('two'), []), undefined);
    const other = await ResultStore.open(directory, '6.1.0-47-cloud-amd64=6.1.170-3');
    assert.equal(await other.find(makeUnit('one'), []), undefined);
  } finally {
    await rm(directory, { recursive: true });
  }
});
