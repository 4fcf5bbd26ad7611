import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { openBootNote } from '../../src/boot/boot-guard.js';
import { reapplyWanted } from '../../src/boot/reapply.js';
import { watchHealth } from '../../src/health/watch-health.js';
import { listWatched } from '../../src/health/watch-list.js';
import { describeHealth, makeReport } from '../../src/service/report.js';
import { openOutcomeList } from '../../src/state/outcome-list.js';
import { chooseUpdates } from '../../src/upgrade/choice.js';
import { applyAndKeep } from '../../src/upgrade/upgrade.js';
import { BUILD, FakeHost, sampleUpdate } from '../fake-machine.js';

const WARNING = [
  '------------[ cut here ]------------',
  'WARNING: CPU: 0 PID: 7 at net/core/sock.c:1 f+0x1/0x2',
];
let host = new FakeHost();
beforeEach(() => {
  host = new FakeHost();
});
afterEach(() => host.close());

const keep = async (...ids: string[]) => {
  for (const id of ids) await applyAndKeep(await host.client(), sampleUpdate(id), host.apply);
};
const watch = async (once = false) => watchHealth(await host.client(), { undo: host.undo, once });

test('a clean log is looked at after 1, 5 and 15 minutes, and then no more', async () => {
  await keep('fix_1');
  const start = host.uptime;
  const result = await watch();
  assert.deepEqual({ ...result }, { state: 'good', looks: 3, note: undefined });
  assert.equal(Math.round(host.uptime - start), 900);
  assert.deepEqual(listWatched(host), []);
});

test('a warning undoes what is young, newest first, is reported, and keeps it from coming back', async () => {
  await keep('fix_1', 'fix_2');
  await watch(true);
  host.log.push(...WARNING);
  const { state, note } = await watch();
  assert.equal(state, 'bad');
  assert.deepEqual(
    note?.updates.map(({ id, undone }) => `${id} ${undone}`),
    ['fix_2 true', 'fix_1 true'],
  );
  assert.deepEqual(host.applied, []);
  const client = await host.client();
  assert.equal(describeHealth(client).state, 'bad');
  assert.match(describeHealth(client).complaints[0] ?? '', /WARNING: CPU: 0/);
  assert.deepEqual(
    makeReport(client).updates.map(({ id, state, reasons }) => `${id} ${state} ${reasons?.[0]?.code}`),
    ['fix_2 failed kernel-complained', 'fix_1 failed kernel-complained'],
  );
  const outcomes = openOutcomeList(host.places, BUILD).list();
  const wishes = { ids: [], desired: undefined, outcomes, automatic: true, now: new Date() };
  assert.deepEqual([...chooseUpdates([], wishes).refused.keys()], ['fix_2', 'fix_1']);
  host.reboot();
  assert.deepEqual((await reapplyWanted(await host.client(), { apply: host.apply })).updates, []);
  assert.equal(describeHealth(await host.client()).state, 'good', 'a new boot begins anew');
});

test('what the kernel said before the update, and what is no fault of the kernel, undoes nothing', async () => {
  host.log.push(...WARNING);
  await keep('fix_1');
  host.log.push(
    'stress invoked oom-killer: gfp_mask=0x1',
    'livepatch: failed to enable patch resplice_fix_9',
  );
  assert.equal((await watch()).state, 'good');
  assert.deepEqual(host.applied, ['fix_1']);
});

test('a warning still counts when the marker was overwritten in the log', async () => {
  await keep('fix_1');
  host.log = [...WARNING];
  assert.equal((await watch()).state, 'bad');
});

test('a log that cannot be read is an error and not a clean log', async () => {
  await keep('fix_1');
  host.log = [];
  await assert.rejects(watch(), { code: 'kernel-log-not-readable' });
});

test('a boot is settled by the first clean look', async () => {
  await keep('fix_1');
  host.reboot();
  await reapplyWanted(await host.client(), { apply: host.apply });
  assert.equal(openBootNote(host.places, BUILD).read()?.settled, false);
  host.uptime += 61;
  assert.equal((await watch(true)).state, 'watching');
  assert.equal(openBootNote(host.places, BUILD).read()?.settled, true);
});
