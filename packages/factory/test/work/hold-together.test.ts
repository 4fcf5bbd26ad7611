import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Attempt, holdTogether } from '../../src/work/hold-together.js';

const UNITS = Array.from({ length: 50 }, (_, at) => `u${at}`);

/** Fails with any of these, and with all of a group together. */
function maker(bad: readonly string[], groups: readonly (readonly string[])[] = []) {
  const asked: (readonly string[])[] = [];
  const attempt = async (units: readonly string[]): Promise<Attempt<string>> => {
    asked.push(units);
    const one = bad.find((each) => units.includes(each));
    if (one !== undefined) return { ok: false, problem: `${one} is bad` };
    const group = groups.find((each) => each.every((unit) => units.includes(unit)));
    if (group !== undefined) return { ok: false, problem: `${group.join(' with ')}` };
    return { ok: true, made: units.toSorted().join() };
  };
  return { asked, attempt };
}

test('units that hold together are tried once', async () => {
  const { asked, attempt } = maker([]);
  const { kept, leftOut, made } = await holdTogether(UNITS, attempt);
  assert.deepEqual([kept, leftOut, asked.length], [UNITS, [], 1]);
  assert.equal(made, UNITS.toSorted().join());
});

test('bad units are left out with their reason, and all others are kept', async () => {
  const { asked, attempt } = maker(['u7', 'u31']);
  const { kept, leftOut, made } = await holdTogether(UNITS, attempt);
  const good = UNITS.filter((unit) => unit !== 'u7' && unit !== 'u31');
  assert.deepEqual(kept, good);
  assert.deepEqual(leftOut, [
    { unit: 'u7', problem: 'u7 is bad' },
    { unit: 'u31', problem: 'u31 is bad' },
  ]);
  assert.equal(made, good.toSorted().join(), 'what was made is of exactly those');
  assert.ok(asked.length <= 25, `${asked.length} attempts`);
});

test('of units that cannot be together the earlier ones are kept', async () => {
  const { attempt } = maker([], [['u3', 'u40']]);
  const { kept, leftOut } = await holdTogether(UNITS, attempt);
  assert.deepEqual(
    leftOut.map(({ unit }) => unit),
    ['u40'],
  );
  assert.equal(kept.length, 49);
});

test('when nothing holds, nothing is kept', async () => {
  const { kept, leftOut, made } = await holdTogether(['a', 'b', 'c'], maker(['a', 'b', 'c']).attempt);
  assert.deepEqual([kept, made, leftOut.length], [[], undefined, 3]);
  const none = await holdTogether([], maker([]).attempt);
  assert.deepEqual(none, { kept: [], made: undefined, leftOut: [] });
});
