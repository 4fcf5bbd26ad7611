import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { openBootNote } from '../src/boot/boot-guard.js';
import { judgeStatus } from '../src/status/judgement.js';
import { readStatus } from '../src/status/status.js';
import { takeBack } from '../src/upgrade/take-back.js';
import { applyAndKeep, rememberKnown } from '../src/upgrade/upgrade.js';
import { BUILD, FakeHost, sampleUpdate } from './fake-machine.js';

let host = new FakeHost();
beforeEach(() => {
  host = new FakeHost();
});
afterEach(() => host.close());

const known = (id: string, ...cves: string[]) => ({
  ...{ id, description: '', cves, engine: 'livepatch', requires: [] },
  kernel: { release: '6.1.0-47-amd64', version: '6.1.170-3', buildId: BUILD },
});
const look = async () => {
  const status = readStatus(await host.client());
  return { status, ...judgeStatus(status, host.now) };
};

test('a machine with everything that the repository has is well', async () => {
  await applyAndKeep(await host.client(), sampleUpdate('fix_1'), host.apply);
  await rememberKnown(await host.client(), [known('fix_1')]);
  assert.deepEqual((await look()).problems, []);
  assert.equal((await look()).level, 'OK');
});

test('what is not applied is a warning, and counts as open holes', async () => {
  await rememberKnown(await host.client(), [known('fix_1', 'CVE-2026-1000', 'CVE-2026-1001')]);
  const { level, problems, status } = await look();
  assert.equal(level, 'WARNING');
  assert.deepEqual(problems, ['not applied: fix_1']);
  assert.deepEqual(status.effective.open, ['CVE-2026-1000', 'CVE-2026-1001']);
});

test('what an administrator removed is no warning', async () => {
  await applyAndKeep(await host.client(), sampleUpdate('fix_1'), host.apply);
  await rememberKnown(await host.client(), [known('fix_1')]);
  await takeBack(await host.client(), ['fix_1'], host.undo, 'removed');
  assert.equal((await look()).level, 'OK');
});

test('what is wanted and was not applied again after a reboot is critical', async () => {
  await applyAndKeep(await host.client(), sampleUpdate('fix_1'), host.apply);
  await rememberKnown(await host.client(), [known('fix_1')]);
  host.reboot();
  const { level, problems } = await look();
  assert.equal(level, 'CRITICAL');
  assert.equal(problems[0], 'wanted and not applied: fix_1');
});

test('a crash loop is critical and says what to do', async () => {
  const note = { bootId: '', since: '', settled: false, endedEarly: 1, switchedOff: '2026-11-01' };
  await openBootNote(host.places, BUILD).write({ format: 1, ...note });
  const { level, problems } = await look();
  assert.equal(level, 'CRITICAL');
  assert.match(problems[0] ?? '', /resplice boot --retry/);
});

test('silence is a warning: a repository that was never asked, or not for days', async () => {
  assert.deepEqual((await look()).problems, ['the repository was never asked']);
  await rememberKnown(await host.client(), []);
  assert.equal((await look()).level, 'OK');
  host.now = new Date(host.now.getTime() + 4 * 86_400_000);
  assert.match((await look()).problems[0] ?? '', /^the repository was last asked 2026-11-01/);
});

test('an update that was withdrawn is told', async () => {
  await applyAndKeep(await host.client(), sampleUpdate('fix_1'), host.apply);
  await rememberKnown(await host.client(), []);
  assert.deepEqual((await look()).problems, ['applied and withdrawn: fix_1']);
});
