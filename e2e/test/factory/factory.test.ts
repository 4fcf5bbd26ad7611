// From a release that was noticed to a machine that has its fixes, through the factory as a small team runs it: one server that also does the
// work, two people who approve. `npm run test:factory` sends all units of the subset through it, with PostgreSQL and a worker of its own, all three of which are
// killed at random; here it is a few, with the embedded database.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { CandidateDetail, CandidateRow, Cumulative, Release } from '@resplice/protocol/factory';
import { type Cluster, startCluster } from '@resplice/server/cluster';
import { findKernelComplaints } from '@resplice/vm';
import { BrowserReviewer, type SeenUnit } from '../../src/factory/browser-reviewer.js';
import { FactoryPeople } from '../../src/factory/factory-people.js';
import {
  ALL,
  CODE,
  FROM,
  FUNCTION,
  KERNEL,
  NEEDS_CODE,
  NOT_BUILT,
  PROBE,
  RELEASE,
  SERIES,
  SHORT,
  STANDS_ALONE,
  TO,
} from '../../src/factory/factory-subset.js';
import { FleetServer, PERSON_PASSWORD } from '../../src/fleet/fleet-server.js';
import { type Machine, MachineBoot, makeDisk } from '../../src/fleet/machine-boot.js';
import { UpdateSite } from '../../src/update-site.js';
import { Workshop } from '../../src/workshop.js';
import { assertDone, listed } from '../expectation.js';

const UNITS = process.env.RESPLICE_FACTORY === 'all' ? ALL : SHORT;
/** While the units are made and tested. */
const KILLS = UNITS === ALL ? 6 : 1;
/** Guests are emulated on most machines that run tests, and wait for each other. */
const PATIENCE_SECONDS = 1200 + 240 * UNITS.length;

let workshop: Workshop | undefined;
let server: FleetServer | undefined;
let database: Cluster | undefined;
const killed: string[] = [];
let noticed: Release;
let readied: Release;
let second: CandidateRow[] = [];
let first: readonly CandidateRow[] = [];
let coded: CandidateDetail;
let plainDetail: CandidateDetail;
let aloneDetail: CandidateDetail;
let browser: BrowserReviewer | undefined;
let seen: SeenUnit;
let seenCode: SeenUnit;
let published: Cumulative;
let withoutOne: Cumulative;
let refusedTwice = '';
const boots: MachineBoot[] = [];
const machines: Machine[] = [];
let series: readonly CandidateRow[] = [];
let probed: CandidateDetail;
let after1: readonly CandidateRow[] = [];
let again: MachineBoot;

/** Kills one of them at a time, each time after some more was made, or lost that was just being made. */
function killNowAndThen(victims: readonly Victim[], times: number): { readonly end: () => Promise<void> } {
  const ending = new AbortController();
  const work = async (): Promise<void> => {
    for (let count = 0; count < times; count += 1) {
      const went = await wait(15_000 + Math.random() * 25_000, true, { signal: ending.signal }).catch(
        () => false,
      );
      if (!went) return;
      const victim = victims[count % victims.length];
      if (victim === undefined) return;
      await victim.killAndStart();
      killed.push(victim.name);
    }
  };
  const working = work();
  return {
    end: () => {
      ending.abort();
      return working;
    },
  };
}

interface Victim {
  readonly name: string;
  readonly killAndStart: () => Promise<void>;
}

before(async () => {
  workshop = await Workshop.open({ release: RELEASE, version: FROM });
  const kernel = await workshop.fetch();
  const site = await UpdateSite.make(workshop.directory, RELEASE);
  await site.run('publish');
  const factory = ['--factory', ...site.options];
  if (UNITS === ALL) database = await startCluster({ durable: true });
  server = await FleetServer.start(workshop.directory, site.public, {
    databaseUrl: await database?.makeDatabase(),
    ...(database === undefined ? { serve: factory } : { worker: factory }),
  });
  const victims = (['server', 'worker'] as const).map((name) => ({
    name,
    killAndStart: () => (server as FleetServer).killAndStart(name),
  }));
  const postgres = { name: 'PostgreSQL', killAndStart: async () => database?.crash() };
  const people = new FactoryPeople((...asked) => (server as FleetServer).ask(...asked));
  await server.ask('PATCH', '/api/v1/organisation', { approvals: 2 });
  const reviewer = await server.addPerson('reviewer', 'reviewer');

  await people.watch({ branch: '6.1', kernels: [KERNEL], only: UNITS, upTo: TO });
  noticed = await people.noticed(PATIENCE_SECONDS);
  const release = noticed.id;
  const own = await people.upload('our own series', KERNEL, SERIES);
  // The embedded database and the worker are in the server.
  const kills = killNowAndThen(database === undefined ? victims.slice(0, 1) : [...victims, postgres], KILLS);
  first = await people.settle(release, PATIENCE_SECONDS);
  await kills.end();
  readied = await people.release(release);
  const needy = first.find(({ unit }) => unit === NEEDS_CODE);
  assert.equal(needy?.state, 'needs-code', `${NEEDS_CODE}: ${needy?.reason}`);
  browser = await BrowserReviewer.logIn(server.localAddress, 'reviewer', PERSON_PASSWORD);
  await browser.pushCode(needy.id, CODE);
  second = [...(await people.settle(release, PATIENCE_SECONDS))];
  coded = await people.show(needy.id);
  const visible = (await people.settle(own, PATIENCE_SECONDS)).find(({ unit }) => isVisible(unit));
  assert.ok(visible);
  await people.pushProbe(visible.id, PROBE);
  series = await people.settle(own, PATIENCE_SECONDS);
  probed = await people.show(visible.id);
  const plain = second.find(({ unit }) => unit === FUNCTION);
  assert.ok(plain);
  plainDetail = await people.show(plain.id);
  const alone = second.find(({ unit }) => unit === STANDS_ALONE);
  assert.ok(alone);
  aloneDetail = await people.show(alone.id);
  for (const { id, state } of [...second, ...series].filter((each) => each.state === 'in-review')) {
    await people.approve(id);
    const twice = await people.approve(id).then(
      () => 'accepted',
      (error: Error) => error.message,
    );
    if (refusedTwice === '' || !twice.includes('409')) refusedTwice = twice;
    assert.equal((await people.show(id)).state, state, 'one person is not enough');
    if (id === needy.id) seenCode = await browser.approve(id);
    else if (id === plain.id) seen = await browser.approve(id);
    else await people.approve(id, reviewer);
  }
  published = await people.publish(1, PATIENCE_SECONDS);
  after1 = await people.candidates(own);

  for (const [name, digit] of [
    ['one', 'a'],
    ['two', 'b'],
  ] as const) {
    const disk = await makeDisk(workshop.directory, name);
    const machine = { disk, id: digit.repeat(32), root: site.root, probe: '/bin/true' };
    const boot = new MachineBoot(machine, kernel);
    boot.network();
    boot.resplice('register', ['register', '--server', server.address, '--key', await server.makeKey(name)]);
    boot.resplice('upgrade', ['upgrade', '-y']);
    boot.resplice('list', ['list']);
    boots.push(boot);
    await boot.run();
    machines.push(machine);
  }

  await people.withdraw(needy.id);
  withoutOne = await people.publish(2, PATIENCE_SECONDS);
  const [one] = machines;
  assert.ok(one);
  again = new MachineBoot(one, kernel);
  again.resplice('boot', ['boot']);
  again.network();
  again.resplice('upgrade', ['upgrade', '-y']);
  again.resplice('list', ['list']);
  await again.run();
});

after(async () => {
  await browser?.close();
  await server?.close();
  await database?.stop();
  await workshop?.close();
});

/** Its own patch for the same line as a unit of the release. */
function isOwnBound(unit: string): boolean {
  return unit.startsWith('ipc-our-own-bound-for-restored-ids-');
}

function isVisible(unit: string): boolean {
  return unit.startsWith('proc-hide-the-command-line-');
}

const stateOf = (rows: readonly CandidateRow[], unit: string) =>
  rows.find((each) => each.unit === unit)?.state;

test('a watch notices the release through apt and brings what it was told to bring of it', (t) => {
  assert.deepEqual([noticed.source, noticed.from, noticed.to], ['debian', FROM, TO]);
  assert.ok(readied.offeredAt !== null && readied.secondsToReview !== null);
  t.diagnostic(`from "apt offers it" to "ready for review": ${readied.secondsToReview} s`);
});

test('every unit of the subset gets an answer without a person, however often all was killed meanwhile, and what was made is tested', (t) => {
  t.diagnostic(`killed meanwhile: ${killed.join(', ')}`);
  assert.ok(killed.length > 0);
  assert.equal(first.length, UNITS.length);
  for (const { unit, state, reason } of first) {
    const expected = unit === NEEDS_CODE ? 'needs-code' : unit === NOT_BUILT ? 'not-built' : 'in-review';
    assert.equal(state, expected, `${unit}: ${reason}`);
  }
});

test('a unit with code that a person pushed is made again, tested and to be reviewed', () => {
  assert.equal(stateOf(second, NEEDS_CODE), 'in-review');
  assert.equal(coded.verdict, 'with-code');
  const { statements = [] } = coded.detail ?? {};
  assert.ok(
    statements.some((line) => /atkbd_dmi_quirk_table/.test(line)),
    statements.join('\n'),
  );
  assert.ok(coded.tests.at(-1)?.ok);
});

test('a reviewer sees in the browser what the unit changes and how its guest took it', () => {
  assert.match(seen.source, /[+]\d+ −\d+/);
  assert.ok(seen.functions.length > 0, 'functions with their first difference marked');
  assert.ok(seen.changedRows > 0, 'instructions that differ');
  assert.match(seen.log, /livepatch|resplice/);
});

test('what the shipped code of a function calls is named', () => {
  const lines = plainDetail.detail?.functions.flatMap(({ before: code }) => code) ?? [];
  const calls = lines.filter(({ text }) => /^(?:call|jmp) 0x/i.test(text));
  assert.ok(calls.length > 0);
  assert.deepEqual(
    calls.filter(({ text }) => !text.includes('# ')),
    [],
  );
});

test('a reviewer sees in the browser what code of a person does', () => {
  assert.match(seenCode.statements, /resplice_apply_atkbd_dmi_quirk_table/);
  assert.match(seenCode.statements, /the hook sets what the new rows set/);
});

test('an approval by the same person counts once', () => {
  assert.match(refusedTwice, /409 .*another person/);
});

test('patches of a series that need each other are one unit, and the others stay for themselves', () => {
  const states = series.map(({ unit, state }) => `${unit.replace(/-[0-9a-f]{6}$/, '')} ${state}`).sort();
  assert.deepEqual(states, [
    'ipc-our-own-bound-for-restored-ids in-review',
    'ipc-refuse-messages-that-are-too-long in-review',
    'ipc-refuse-messages-that-are-too-long waiting',
    'ipc-say-which-messages-are-too-long waiting',
    'proc-hide-the-command-line in-review',
  ]);
});

test('a probe that a person pushed finds the hole in the guest before, and after the undo, and not while the update is applied', () => {
  const [earliest, ...later] = probed.tests;
  assert.deepEqual(earliest?.probe, []);
  assert.ok(later.length > 0);
  assert.deepEqual(later.at(-1)?.probe, ['before: exposed', 'applied: safe', 'undone: exposed']);
  assert.equal(later.at(-1)?.ok, true);
});

test('the cumulative update has all approved units and their CVEs, but the one that cannot be beside another', () => {
  const approved = [...second, ...series]
    .filter(({ state }) => state === 'in-review')
    .map(({ unit }) => unit);
  assert.deepEqual([...published.units].sort(), approved.filter((unit) => !isOwnBound(unit)).sort());
  assert.ok(published.cves.includes('CVE-2026-52923'));
});

test('the unit that kept the others from machines is left out of it and says why', () => {
  const [leftOut, ...rest] = published.leftOut;
  assert.deepEqual(rest, []);
  assert.ok(leftOut !== undefined && isOwnBound(leftOut.unit));
  assert.match(leftOut.why, /patch-does-not-apply/);
  assert.equal(after1.find(({ unit }) => isOwnBound(unit))?.state, 'test-failed');
});

/** What a machine has with that cumulative update: it, and what cannot be a part of it. */
function withAlone(cumulative: string): readonly (readonly [string, string])[] {
  const { update: alone } = aloneDetail;
  assert.equal(alone?.engine, 'livepatch');
  return [cumulative, alone.id].sort().map((id) => [id, 'applied'] as const);
}

function stateOfMachine(boot: MachineBoot) {
  return listed(boot.answer('list'))
    .map(({ id, state }) => [id, state] as const)
    .sort();
}

test('machines apply the cumulative update and none of its parts, and what stands alone, with a clean kernel log', () => {
  assert.equal(boots.length, 2);
  for (const boot of boots) {
    assertDone(boot.answer('upgrade'));
    assert.deepEqual(stateOfMachine(boot), withAlone(published.updateId));
    assert.deepEqual(findKernelComplaints(boot.result.kernelLog), []);
  }
});

test('a unit that is withdrawn is not in the next cumulative update', () => {
  assert.deepEqual(
    [...withoutOne.units].sort(),
    [...published.units].filter((unit) => unit !== NEEDS_CODE).sort(),
  );
});

test('a machine with the one before downloads a fraction of the next, which takes its place', (t) => {
  const answer = again.answer('upgrade');
  assertDone(answer);
  const updates = answer.json.updates as { readonly id: string; readonly fetched: number }[];
  const update = updates.find(({ id }) => id === withoutOne.updateId);
  assert.ok(update !== undefined && withoutOne.length !== null);
  const share = update.fetched / withoutOne.length;
  t.diagnostic(`${update.fetched} bytes fetched of ${withoutOne.length}, ${(100 * share).toFixed(1)} %`);
  assert.ok(share < 0.2, `${share}`);
  assert.deepEqual(stateOfMachine(again), withAlone(withoutOne.updateId));
  assert.deepEqual(findKernelComplaints(again.result.kernelLog), []);
});
