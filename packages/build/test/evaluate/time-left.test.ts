import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimeLeft } from '../../src/evaluate/time-left.js';

const source = ['net/a.c'];
const header = ['include/linux/a.h', 'net/a.c'];
const aside = ['arch/arm64/a.c', 'Documentation/a.rst'];

test('the time left does not jump when the slow kind comes', () => {
  const time = new TimeLeft();
  for (let at = 0; at < 50; at++) {
    time.add(aside, 100);
    time.add(source, 2500);
  }
  // Headers usually take eight times as long as sources; none has been seen yet.
  const before = time.estimate(Array(20).fill(header), 1);
  assert.ok(before > 20 * 15_000 && before < 20 * 25_000, `${before}`);
  for (let at = 0; at < 5; at++) time.add(header, 22_000);
  const after = time.estimate(Array(20).fill(header), 1);
  assert.ok(Math.abs(after - before) < before / 4, `${before} ${after}`);
});

test('units at a time divide the time left, and nothing left takes none', () => {
  const time = new TimeLeft();
  time.add(source, 4000);
  assert.equal(time.estimate([source, source], 2) * 2, time.estimate([source, source], 1));
  assert.equal(time.estimate([], 2), 0);
});
