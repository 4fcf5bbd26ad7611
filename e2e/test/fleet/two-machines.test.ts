// Two machines with stock kernels of their own and a server: they register, get the update that belongs to their kernel, report; one is rebooted
// and safe before its network is up; the update is withdrawn and both take it back; the power goes while an update is applied; a newer kernel
// leaves the old one's set alone; a boot that did not get far switches re-applying off. Each machine has a disk of its own that outlives its boots.
//
// The server is a process with Debian's PostgreSQL, its queue is worked on by another one. RESPLICE_FLEET_DATABASE=embedded runs the same on the
// embedded database (ring.test.ts always does).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { FetchedKernel } from '@resplice/build';
import type { MachineReport } from '@resplice/protocol';
import { type Cluster, startCluster } from '@resplice/server/cluster';
import { findKernelComplaints } from '@resplice/vm';
import { makeFix } from '../../src/fix.js';
import { FleetServer } from '../../src/fleet/fleet-server.js';
import { Gate } from '../../src/fleet/gate.js';
import { Hook } from '../../src/fleet/hook.js';
import { type Machine, MachineBoot, makeDisk } from '../../src/fleet/machine-boot.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { UpdateSite } from '../../src/update-site.js';
import { Workshop } from '../../src/workshop.js';
import { assertDone, assertProbe, listed } from '../expectation.js';

const WITHDRAWN = 'withdrawn';

let workshop: Workshop | undefined;
let cloudWorkshop: Workshop | undefined;
const gate = new Gate();
const hook = new Hook();
let database: Cluster | undefined;
let server: FleetServer | undefined;

interface Fleet {
  readonly server: FleetServer;
  readonly key: string;
  readonly kernel: FetchedKernel;
  readonly cloud: FetchedKernel;
  readonly newer: FetchedKernel;
  readonly web: Machine;
  readonly database: Machine;
  /** Updates of the two machines' kernels. */
  readonly ids: readonly [string, string];
}

let fleet: Fleet;
const boots = new Map<string, MachineBoot>();
const reports = new Map<string, MachineReport | undefined>();
/** Steps that were over when the power went. */
let overAtPowerCut: readonly string[] = [];

before(async () => {
  fleet = await makeFleet();
  await runTogether();
  await runPowerCut();
  await runLaterBoots();
});

after(async () => {
  gate.close();
  hook.close();
  await server?.close();
  await database?.stop();
  await workshop?.close();
  await cloudWorkshop?.close();
});

async function makeFleet(): Promise<Fleet> {
  const ours = await Workshop.open();
  workshop = ours;
  const { cloud } = ours.pair;
  if (cloud === undefined)
    throw new Error(`apt and the cache have no cloud flavour of ${ours.target.version}`);
  cloudWorkshop = await Workshop.open(cloud);
  const { update, patch, probe } = await makeFix(ours, 'attach-filter');
  const second = await cloudWorkshop.create('attach-filter', [patch]);
  const site = await UpdateSite.make(ours.directory, ours.target.release);
  await site.run(
    'publish',
    update.file,
    second.file,
    '--brings',
    `${ours.pair.other.release}=${ours.pair.other.version}`,
  );
  if (process.env.RESPLICE_FLEET_DATABASE !== 'embedded') database = await startCluster({ durable: true });
  const databaseUrl = await database?.makeDatabase();
  server = await FleetServer.start(ours.directory, site.public, { databaseUrl });
  await hook.listen(server, 'machine.registered', 'update.withdrawn');
  await gate.start();
  const machine = async (name: string, digit: string): Promise<Machine> => ({
    disk: await makeDisk(ours.directory, name),
    id: digit.repeat(32),
    root: site.root,
    probe,
  });
  return {
    server,
    key: await server.makeKey(),
    kernel: await ours.fetch(),
    cloud: await ours.fetch(cloud),
    newer: await ours.fetch(ours.pair.other),
    web: await machine('web', 'a'),
    database: await machine('database', 'b'),
    ids: [update.id, second.id],
  };
}

function newBoot(name: string, machine: Machine, kernel: FetchedKernel): MachineBoot {
  const boot = new MachineBoot(machine, kernel);
  boots.set(name, boot);
  return boot;
}

function ran(name: string): MachineBoot {
  const boot = boots.get(name);
  if (boot === undefined) throw new Error(`no boot ${name}`);
  return boot;
}

function scriptRegistration(boot: MachineBoot): void {
  boot.network();
  boot.ask('probe before');
  boot.resplice('register', ['register', '--server', fleet.server.address, '--key', fleet.key]);
  boot.resplice('upgrade', ['upgrade', '-y']);
  boot.ask('probe upgraded');
}

function scriptWithdrawal(boot: MachineBoot): void {
  boot.waitFor(WITHDRAWN, gate.address);
  boot.resplice('upgrade withdrawn', ['upgrade']);
  boot.ask('probe withdrawn');
  boot.inspectKernel('kernel withdrawn');
}

/** Both machines at once; the update is withdrawn when one is up and the other is up again. */
async function runTogether(): Promise<void> {
  const { server, kernel, cloud, ids } = fleet;
  const first = newBoot('first', fleet.web, kernel);
  scriptRegistration(first);
  first.resplice('uname', ['uname']);
  first.resplice('health', ['health', '--at', '0.02,0.04']);
  const second = newBoot('second', fleet.web, kernel);
  second.resplice('boot', ['boot']);
  second.ask('probe rebooted');
  second.resplice('settle', ['boot', '--settle']);
  second.network();
  scriptWithdrawal(second);
  const other = newBoot('other', fleet.database, cloud);
  scriptRegistration(other);
  scriptWithdrawal(other);

  const withdraw = async () => {
    reports.set('web', await server.report(kernel.identity.release));
    reports.set('database', await server.report(cloud.identity.release));
    for (const id of ids) await server.withdraw(id);
  };
  const ready = new Set<string>();
  const pass = (what: string) => (event: Parameters<NonNullable<Parameters<MachineBoot['run']>[0]>>[0]) => {
    if (event.type !== 'step-finished' || event.result.name !== what) return;
    ready.add(what);
    if (ready.size < 2) return;
    withdraw().then(() => gate.open(WITHDRAWN), assert.fail);
  };
  const web = async () => {
    await first.run();
    await second.run(pass('network'));
  };
  await Promise.all([web(), other.run(pass('probe upgraded'))]);
  reports.set('web withdrawn', await server.report(kernel.identity.release));
}

async function runPowerCut(): Promise<void> {
  const { server, kernel, ids } = fleet;
  for (const id of ids) await server.restore(id);
  const cut = newBoot('cut', fleet.web, kernel);
  cut.network();
  cut.step({
    name: 'is being applied',
    argv: ['/bin/sh', '-c', 'until ls /run/resplice/updates/*.json; do sleep 0.05; done'],
    background: true,
  });
  cut.resplice('upgrade', ['upgrade', '-y']);
  overAtPowerCut = await cut.runUntil('is being applied');

  const after = newBoot('after', fleet.web, kernel);
  after.resplice('status', ['status']);
  after.resplice('list', ['list']);
  after.resplice('boot', ['boot']);
  after.ask('probe finished');
  after.network();
  after.resplice('refresh', ['refresh']);
  await after.run();
  reports.set('web finished', await server.report(kernel.identity.release));
}

/** The boot before was not settled: nobody watched it for a minute, and its power was cut. */
async function runLaterBoots(): Promise<void> {
  const { kernel, newer } = fleet;
  const upgraded = newBoot('newer', fleet.web, newer);
  upgraded.resplice('boot', ['boot']);
  upgraded.inspectKernel('kernel');
  upgraded.resplice('status', ['status']);
  await upgraded.run();

  const crashed = newBoot('crashed', fleet.web, kernel);
  crashed.resplice('boot', ['boot']);
  crashed.inspectKernel('kernel');
  crashed.resplice('check', ['check']);
  crashed.resplice('retry', ['boot', '--retry']);
  crashed.ask('probe retried');
  crashed.resplice('remove', ['remove', '--all']);
  crashed.ask('probe removed');
  crashed.inspectKernel('kernel removed');
  await crashed.run();
}

const states = (boot: string, step: string): readonly string[] => {
  const answer = ran(boot).answer(step);
  return (answer.json.updates as { id: string; state: string }[]).map((each) => `${each.id} ${each.state}`);
};

const reported = (name: string): readonly string[] | undefined =>
  reports.get(name)?.updates.map(({ id, state }) => `${id} ${state}`);

test('each machine registers, gets the update that belongs to its kernel, and is safe', () => {
  for (const [name, id] of [
    ['first', fleet.ids[0]],
    ['other', fleet.ids[1]],
  ] as const) {
    const boot = ran(name);
    assertProbe(boot, 'probe before', 'exposed');
    assertDone(boot.answer('register'));
    assert.deepEqual(states(name, 'upgrade'), [`${id} applied`], boot.answer('upgrade').text);
    assertProbe(boot, 'probe upgraded', 'safe');
  }
  assert.notEqual(fleet.ids[0], fleet.ids[1]);
});

test('the server hears from each what it has', () => {
  assert.deepEqual(reported('web'), [`${fleet.ids[0]} applied`]);
  assert.deepEqual(reported('database'), [`${fleet.ids[1]} applied`]);
  assert.equal(reports.get('database')?.kernel.flavour, 'cloud-amd64');
});

test('the effective kernel is that whose security the update brings', () => {
  const { json } = ran('first').answer('uname');
  assert.equal(json.release, fleet.newer.identity.release);
});

test('a clean kernel log after the update is good health', () => {
  const answer = ran('first').answer('health');
  assertDone(answer);
  assert.deepEqual([answer.json.state, answer.json.looks], ['good', 2]);
});

test('a machine that was rebooted is safe before its network is up', () => {
  const boot = ran('second');
  assert.deepEqual(states('second', 'boot'), [`${fleet.ids[0]} applied`], boot.answer('boot').text);
  assertProbe(boot, 'probe rebooted', 'safe');
  assert.equal(boot.ran('network').exitCode, 0, boot.ran('network').stdout);
});

test('an update that was withdrawn is taken back by both machines', () => {
  for (const name of ['second', 'other']) {
    const boot = ran(name);
    const { removed } = boot.answer('upgrade withdrawn').json as { removed: { state: string }[] };
    assert.deepEqual(
      removed.map(({ state }) => state),
      ['undone'],
      boot.answer('upgrade withdrawn').text,
    );
    assertProbe(boot, 'probe withdrawn', 'exposed');
    assert.deepEqual(boot.kernelState('kernel withdrawn'), NOTHING_LEFT);
  }
  assert.deepEqual(reported('web withdrawn'), [`${fleet.ids[0]} available`]);
});

test('people hear of it from the process that works on the queue', () => {
  assert.equal(hook.events.filter(({ event }) => event === 'machine.registered').length, 2);
  const withdrawn = hook.events.filter(({ event }) => event === 'update.withdrawn');
  assert.deepEqual(
    withdrawn.flatMap(({ items }) => items.map(({ update }) => update)).sort(),
    [...fleet.ids].sort(),
  );
});

test('a machine whose power was cut while it applied tells the truth, and the next boot finishes', () => {
  assert.ok(
    overAtPowerCut.includes('is being applied') && !overAtPowerCut.includes('upgrade'),
    `${overAtPowerCut}`,
  );
  const boot = ran('after');
  const { missing } = boot.answer('status').json as { missing: { id: string }[] };
  assert.deepEqual(
    missing.map(({ id }) => id),
    [fleet.ids[0]],
  );
  assert.deepEqual(listed(boot.answer('list')), []);
  assert.deepEqual(states('after', 'boot'), [`${fleet.ids[0]} applied`], boot.answer('boot').text);
  assertProbe(boot, 'probe finished', 'safe');
  assert.deepEqual(reported('web finished'), [`${fleet.ids[0]} applied`]);
});

test('a newer kernel applies nothing of the old one, and the old set is kept', () => {
  const boot = ran('newer');
  assertDone(boot.answer('boot'));
  assert.deepEqual(states('newer', 'boot'), []);
  assert.deepEqual(boot.kernelState('kernel'), NOTHING_LEFT);
  assert.equal((boot.answer('status').json.keptKernels as string[]).length, 1);
});

test('a boot that did not get far switches re-applying off and says so, until it is told to go on', () => {
  const boot = ran('crashed');
  const answer = boot.answer('boot');
  assert.equal(answer.status, 1);
  assert.equal(answer.json.switchedOff, 'crash-loop');
  assert.deepEqual(boot.kernelState('kernel'), NOTHING_LEFT);
  assert.equal(boot.answer('check').status, 2, boot.answer('check').text);
  assert.deepEqual(states('crashed', 'retry'), [`${fleet.ids[0]} applied`]);
  assertProbe(boot, 'probe retried', 'safe');
});

test('what is removed is undone', () => {
  const boot = ran('crashed');
  assertDone(boot.answer('remove'));
  assertProbe(boot, 'probe removed', 'exposed');
  assert.deepEqual(boot.kernelState('kernel removed'), NOTHING_LEFT);
});

test('every boot ran to its end, and no kernel has anything to complain about', () => {
  for (const [name, boot] of boots) {
    if (name === 'cut') continue;
    assert.equal(boot.result.outcome, 'completed', `${name}: ${boot.result.explanation}`);
    assert.deepEqual(findKernelComplaints(boot.result.kernelLog), [], name);
  }
});
