import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { runCommand } from '../../src/debian/command.js';
import { duringTool, ToolClock } from '../../src/debian/tool-clock.js';

const sleep = (milliseconds: number) => () => setTimeout(milliseconds);
/** A timer may fire a little early by the other clock. */
const SLACK = 5;

test('a clock counts the tools of its work, two at a time once, and nothing else', async () => {
  const clock = new ToolClock();
  const start = performance.now();
  await clock.measure(async () => {
    await Promise.all([duringTool(sleep(60)), duringTool(sleep(60))]);
    await setTimeout(200);
  });
  const all = performance.now() - start;
  assert.ok(clock.milliseconds >= 60 - SLACK, `${clock.milliseconds}`);
  assert.ok(clock.milliseconds <= all - 200 + SLACK, `${clock.milliseconds} of ${all}`);
});

test('a clock inside another one counts for both, one beside it for none', async () => {
  const [outer, inner, other] = [new ToolClock(), new ToolClock(), new ToolClock()];
  await Promise.all([
    outer.measure(async () => inner.measure(() => duringTool(sleep(40)))),
    other.measure(() => setTimeout(40)),
  ]);
  assert.ok(inner.milliseconds >= 40 - SLACK && outer.milliseconds >= 40 - SLACK);
  assert.equal(other.milliseconds, 0);
});

test('commands say that they are tools', async () => {
  const clock = new ToolClock();
  await clock.measure(() => runCommand('sleep', ['0.05']));
  assert.ok(clock.milliseconds >= 50 - SLACK);
});
