// Workers, server and PostgreSQL are killed at random while 25 units go through the factory: the end is the same as without. Each candidate is in
// review once, with one test that passed, a history without a gap, and no update was made twice that a worker had finished.

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CandidateDetail, CandidatePage } from '@resplice/protocol/factory';
import { type Cluster, startCluster } from '@resplice/server/cluster';

const UNITS = 25;
const KILLS = 10;
const PATIENCE_MS = 240_000;
const here = dirname(fileURLToPath(import.meta.url));

let folder = '';
let cluster: Cluster;
let url = '';
let server: ChildProcess;
let address = '';
let session = '';
const workers: ChildProcess[] = [];

/** Seeded, so that a run that fails can be repeated. */
let seed = Number(process.env.RESPLICE_SEED ?? Date.now() % 100_000);
function draw(below: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
  return Math.floor((seed / 0x80000000) * below);
}

function startWorker(): ChildProcess {
  return fork(join(here, 'support/work-for-kill.js'), [folder, url, join(folder, 'made'), String(UNITS)]);
}

async function startServer(port = '0'): Promise<Record<string, unknown>> {
  server = fork(join(here, 'support/serve-for-kill.js'), [folder, url, port]);
  const [said] = (await once(server, 'message')) as [Record<string, unknown>];
  address = String(said.address);
  return said;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'resplice-factory-'));
  cluster = await startCluster({ durable: true });
  url = await cluster.makeDatabase();
  const { administrator } = await startServer();
  const login = await ask<{ session: string }>('POST', '/api/v1/session', administrator);
  session = login.session;
});

after(async () => {
  for (const worker of workers) await kill(worker);
  await kill(server);
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(new URL(path, address), {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(session === '' ? {} : { authorization: `Bearer ${session}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** As somebody who asks again while the server or its database is away. */
async function insist<T>(method: string, path: string, body?: unknown): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask<T>(method, path, body);
    } catch (error) {
      if (Date.now() > end) throw error;
      await wait(200);
    }
  }
}

async function killSomething(): Promise<string> {
  const which = draw(5);
  if (which === 0) {
    await cluster.crash();
    return 'PostgreSQL';
  }
  if (which === 1) {
    const { port } = new URL(address);
    await kill(server);
    await startServer(port);
    return 'server';
  }
  const at = draw(workers.length);
  const worker = workers[at];
  if (worker !== undefined) await kill(worker);
  workers[at] = startWorker();
  return 'worker';
}

test('kills at random lead to the same end as none', { timeout: PATIENCE_MS * 2 }, async (t) => {
  t.diagnostic(`seed ${seed}`);
  await ask('POST', '/api/v1/factory/releases', {
    from: '6.1.170-3',
    to: '6.1.176-1',
    kernels: ['6.1.0-47-amd64'],
  });
  workers.push(startWorker(), startWorker());
  const killed: string[] = [];
  const end = Date.now() + PATIENCE_MS;
  let page: CandidatePage = { candidates: [], total: 0, next: null };
  while (page.total !== UNITS || page.candidates.some(({ state }) => state !== 'in-review')) {
    assert.ok(
      Date.now() < end,
      `killed ${killed.join(', ')}: ${page.candidates.map(({ state }) => state).join(' ')}`,
    );
    if (killed.length < KILLS) killed.push(await killSomething());
    await wait(300 + draw(900));
    page = await insist<CandidatePage>('GET', '/api/v1/factory/candidates?limit=100');
  }
  t.diagnostic(`killed ${killed.join(', ')}`);
  for (const { id, unit } of page.candidates) {
    const { tests, history } = await insist<CandidateDetail>('GET', `/api/v1/factory/candidates/${id}`);
    assert.deepEqual(
      tests.map(({ ok }) => ok),
      [true],
      unit,
    );
    const states = ['new', 'converting', 'automatic', 'testing', 'tested', 'in-review'];
    assert.deepEqual(
      history.map(({ to }) => to),
      states,
      unit,
    );
  }
  const made = (await readFile(join(folder, 'made'), 'utf8')).trim().split('\n');
  assert.equal(new Set(made).size, UNITS);
  // Two jobs at a time run on each worker: a kill can cost what these were at, and nothing that was finished.
  const workersKilled = killed.filter((what) => what === 'worker').length;
  assert.ok(made.length <= UNITS + 2 * workersKilled, `${made.length} made, ${workersKilled} workers killed`);
});
