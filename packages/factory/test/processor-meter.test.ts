import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { ProcessorMeter } from '../src/processor-meter.js';

test('jobs that run together share what was used meanwhile, and nothing is counted twice or lost', () => {
  let used = 5000;
  const meter = new ProcessorMeter(() => used);
  const first = meter.begin();
  used += 100;
  const second = meter.begin();
  used += 60;
  assert.equal(first(), 130);
  used += 7;
  assert.equal(second(), 37);
  // Between jobs the worker itself is at work.
  used += 1000;
  const third = meter.begin();
  used += 1;
  assert.equal(third(), 1);
});

test('programs that were started count', () => {
  const end = new ProcessorMeter().begin();
  const { status } = spawnSync(process.execPath, ['-e', 'while (process.cpuUsage().user < 200_000);']);
  assert.equal(status, 0);
  assert.ok(end() >= 150);
});
