// A bad update on its way through the rings: it closes the hole, and the kernel warns whenever it does. The machine of the first ring notices, takes
// it back and reports; the roll-out is halted, the others of the ring take it back, the rest never get it, and people are told why. A person who
// overrules that is overruled by the next machine. One guest; the others of the fleet only speak to the server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DesiredState } from '@resplice/protocol';
import type { Rollout } from '@resplice/protocol/console';
import { findKernelComplaints } from '@resplice/vm';
import { FIXES, warningOnTop } from '../../src/fix.js';
import { FleetServer } from '../../src/fleet/fleet-server.js';
import { Gate } from '../../src/fleet/gate.js';
import { Hook } from '../../src/fleet/hook.js';
import { MachineBoot, makeDisk } from '../../src/fleet/machine-boot.js';
import { ToldMachine } from '../../src/fleet/told-machine.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { UpdateSite } from '../../src/update-site.js';
import { Workshop } from '../../src/workshop.js';
import { assertDone, assertProbe } from '../expectation.js';

const OVERRULED = 'overruled';
const HALTED_AGAIN = 'halted-again';
const PLAN = {
  rings: [
    { name: 'canary', groups: ['canary'], waitHours: 0, minMachines: 2 },
    { name: 'all', percent: 100, waitHours: 0, minMachines: 0 },
  ],
};

let workshop: Workshop | undefined;
let server: FleetServer | undefined;
const hook = new Hook();
const gate = new Gate();
let boot: MachineBoot;
let id = '';
/** What the roll-out was, and what the machines that only speak were told. */
const seen: { first?: Rollout; second?: Rollout; member?: DesiredState; outsider?: DesiredState } = {};

before(async () => {
  const ours = await Workshop.open();
  workshop = ours;
  const probe = await ours.compileProbe('attach-filter');
  const fix = await ours.diff('attach-filter', ...FIXES['attach-filter'].paths);
  const warning = await ours.rewrite('warning', warningOnTop(fix));
  const update = await ours.create('warning', [fix, warning]);
  id = update.id;
  const site = await UpdateSite.make(ours.directory, ours.target.release);
  const fleet = await FleetServer.start(ours.directory, site.public);
  server = fleet;
  await gate.start();
  await hook.listen(fleet, 'rollout.halted', 'machine.health-bad');
  const key = await fleet.makeKey('canary');
  const outsiders = await fleet.makeKey('others');
  await fleet.ask('PUT', '/api/v1/rollout-plans/careful', { ...PLAN, automatic: true });
  await fleet.ask('PATCH', '/api/v1/organisation', { rollout: 'plan' });
  await site.run('publish', update.file);
  await until(async () => (await listRollouts(fleet)).length === 1, 'the roll-out begins by itself');

  const kernel = await ours.fetch();
  const machine = {
    disk: await makeDisk(ours.directory, 'canary'),
    id: 'c'.repeat(32),
    root: site.root,
    probe,
  };
  boot = new MachineBoot(machine, kernel);
  script(fleet.address, key);
  const speakers = new Speakers(fleet, key, outsiders);
  let failure: unknown;
  const stop = (error: unknown): void => {
    failure = error;
    for (const name of [OVERRULED, HALTED_AGAIN]) gate.open(name);
  };
  await boot.run((event) => {
    if (event.type !== 'step-finished') return;
    if (event.result.name === 'probe undone') speakers.afterHealth().then(() => gate.open(OVERRULED), stop);
    if (event.result.name === 'by name') speakers.afterName().then(() => gate.open(HALTED_AGAIN), stop);
  });
  if (failure !== undefined) throw failure;
});

after(async () => {
  gate.close();
  hook.close();
  await server?.close();
  await workshop?.close();
});

function script(address: string, key: string): void {
  boot.network();
  boot.ask('probe before');
  boot.resplice('register', ['register', '--server', address, '--key', key]);
  boot.resplice('upgrade', ['upgrade', '--auto']);
  boot.ask('probe upgraded');
  boot.resplice('health', ['health', '--at', '0.02']);
  boot.ask('probe undone');
  boot.inspectKernel('kernel undone');
  boot.waitFor(OVERRULED, gate.address);
  boot.resplice('by name', ['upgrade', '-y', '--id', id]);
  boot.waitFor(HALTED_AGAIN, gate.address);
  boot.resplice('upgrade halted', ['upgrade']);
  boot.inspectKernel('kernel halted');
}

/** The machines that only speak, and the person who overrules. */
class Speakers {
  #member: ToldMachine | undefined;

  constructor(
    private readonly fleet: FleetServer,
    private readonly key: string,
    private readonly outsiders: string,
  ) {}

  async afterHealth(): Promise<void> {
    const { fleet } = this;
    seen.first = await untilHalted(fleet);
    const report = await fleet.report(boot.kernelRelease);
    if (report === undefined) throw new Error('the guest is not known');
    const sound = { ...report, health: { state: 'good' as const, complaints: [] } };
    const applied = { ...sound, updates: [{ id, engine: 'livepatch' as const, state: 'applied' as const }] };
    this.#member = new ToldMachine(fleet, applied);
    await this.#member.register(this.key);
    seen.member = await this.#member.checkIn();
    await fleet.ask('POST', `/api/v1/rollouts/${seen.first.id}/resume`, {});
    const outsider = new ToldMachine(fleet, { ...sound, updates: [] });
    await outsider.register(this.outsiders);
    seen.outsider = await outsider.checkIn();
    await this.#member.checkIn();
  }

  async afterName(): Promise<void> {
    await this.#member?.checkIn({
      health: { state: 'bad', complaints: ['WARNING: CPU: 0 PID: 1 at net/core/sock.c'] },
    });
    seen.second = await untilHalted(this.fleet);
  }
}

async function listRollouts(fleet: FleetServer): Promise<readonly Rollout[]> {
  return ((await fleet.ask('GET', '/api/v1/rollouts')) as { rollouts: readonly Rollout[] }).rollouts;
}

async function untilHalted(fleet: FleetServer): Promise<Rollout> {
  let found: Rollout | undefined;
  await until(async () => {
    [found] = await listRollouts(fleet);
    return found?.state === 'halted';
  }, 'the roll-out is halted');
  if (found === undefined) throw new Error('no roll-out');
  return found;
}

async function until(test: () => Promise<boolean>, what: string): Promise<void> {
  for (let wait = 0; !(await test()); wait += 1) {
    if (wait > 240) throw new Error(`it did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

test('the machine of the first ring gets the update by itself, and is safe', () => {
  assertProbe(boot, 'probe before', 'exposed');
  assertDone(boot.answer('register'));
  const { updates } = boot.answer('upgrade').json as { updates: { id: string; state: string }[] };
  assert.deepEqual(
    updates.map((each) => [each.id, each.state]),
    [[id, 'applied']],
    boot.answer('upgrade').text,
  );
  assertProbe(boot, 'probe upgraded', 'safe');
});

test('it notices that the kernel warns, takes the update back and reports at once', () => {
  const { status, json, text } = boot.answer('health');
  assert.equal(status, 1, text);
  assert.equal(json.state, 'bad');
  assert.equal(json.service, undefined, text);
  assertProbe(boot, 'probe undone', 'exposed');
  assert.deepEqual(boot.kernelState('kernel undone'), NOTHING_LEFT);
});

test('the roll-out is halted in its first ring, with the machine and the reason', () => {
  const { first } = seen;
  assert.deepEqual([first?.state, first?.ring, first?.halt?.by], ['halted', 0, 'the gates']);
  assert.match(
    first?.halt?.why ?? '',
    /1 machine speaks against it \(bad-health\), 0 tolerated, in ring canary/,
  );
  assert.equal(first?.halt?.signals.length, 1);
});

test('people are told by webhook: of the lines of the kernel log, and of the halt', () => {
  const bad = hook.find('machine.health-bad');
  assert.match(JSON.stringify(bad?.items), /WARNING: .*sock\.c|a filter was refused/);
  const halted = hook.find('rollout.halted');
  assert.deepEqual(halted?.items[0]?.updates, [id]);
  assert.match(String(halted?.items[0]?.why), /bad-health/);
});

test('the others of the ring take it back, and those outside never get it', () => {
  assert.deepEqual(seen.member?.remove, [id]);
  assert.deepEqual(seen.outsider?.except, [id]);
  assert.deepEqual(seen.outsider?.remove, []);
});

test('a machine on which somebody insisted takes it back as well, once the roll-out is halted again', () => {
  const insisted = boot.answer('by name').json as { updates: { id: string; state: string }[] };
  assert.deepEqual(
    insisted.updates.map((each) => [each.id, each.state]),
    [[id, 'applied']],
    boot.answer('by name').text,
  );
  assert.equal(seen.second?.state, 'halted');
  assert.equal(seen.second?.halt?.signals.length, 1);
  assert.notDeepEqual(seen.second?.halt?.signals, seen.first?.halt?.signals);
  const { removed } = boot.answer('upgrade halted').json as { removed: { id: string; state: string }[] };
  assert.deepEqual(removed, [{ id, state: 'undone' }], boot.answer('upgrade halted').text);
  assert.deepEqual(boot.kernelState('kernel halted'), NOTHING_LEFT);
});

test('the boot ran to its end, and the kernel complained of the update alone', () => {
  assert.equal(boot.result.outcome, 'completed', boot.result.explanation);
  for (const complaint of findKernelComplaints(boot.result.kernelLog))
    assert.match(complaint, /a filter was refused|sk_attach_filter|sock_setsockopt|WARNING/);
});
