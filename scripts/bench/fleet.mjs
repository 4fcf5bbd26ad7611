// `npm run bench:fleet -- --seconds N --json`: how many check-ins a server takes, with the embedded database and with PostgreSQL, and
// how fast it answers people when 100,000 machines are registered. Everything runs on this machine: server, database, and the machines
// that are simulated (their work counts against the server's).
//
// Closed loop: --connections (128), each of which sends the next check-in when the last one was answered. Both databases flush each commit
// to the disk. The server's memory is read sixty times over the run. `static` is a plain web server that hands out the metadata that all machines ask for.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fillFleet } from './fleet/fill.mjs';

const here = dirname(fileURLToPath(import.meta.url));

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    machines: { type: 'string', default: '100000' },
    connections: { type: 'string', default: '128' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const STATIC_SECONDS = 30;
const count = Number(values.machines);
const connections = Number(values.connections);
for (const [name, value] of Object.entries({ seconds, count, connections }))
  if (!(value > 0)) throw new Error(`${name}: expected a number above 0`);

const say = (text) => {
  if (!values.json) console.log(text);
};

const { startCluster } = await import('../../packages/server/dist/test/support/cluster.js');
const folder = await mkdtemp(join(tmpdir(), 'resplice-fleet-'));
const cluster = await startCluster({ durable: true });
try {
  const result = { seconds, machines: count, connections, load: loadavg()[0] };
  result.postgres = await measureServer('postgres', await cluster.makeDatabase());
  result.embedded = await measureServer('embedded', '');
  result.static = await measureStatic();
  result.load = Math.max(result.load, loadavg()[0]);
  if (values.json) console.log(JSON.stringify(result, null, 2));
} finally {
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measureServer(name, url) {
  const state = join(folder, name);
  const filled = performance.now();
  const { machines, session, repository } = await fillFleet(state, url, count);
  say(`${name}: ${count} machines registered in ${seconds1(performance.now() - filled)} s`);
  const server = await start('server.mjs', [state, url, repository]);
  try {
    const figures = await driveLoad(server, checkInsOf(machines));
    const views = await measureViews(server.address, session);
    say(
      `${name}: ${figures.perSecond} check-ins/s, p50 ${figures.p50Ms} ms, p99 ${figures.p99Ms} ms, ${figures.failed} failed; CPU ms each: ${JSON.stringify(figures.cpuMs)}`,
    );
    say(
      `${name}: ${Object.entries(views)
        .map(([view, ms]) => `${view} ${ms} ms`)
        .join(', ')}`,
    );
    say(
      `${name}: memory in MB, first, median and last of ${figures.memory.samples} in ${seconds} s: ${Object.entries(
        figures.memory.mb,
      )
        .map(([kind, { first, median, last }]) => `${kind} ${first} ${median} ${last}`)
        .join('; ')}`,
    );
    const { perSecond, ...rest } = figures;
    return { checkinsPerSecond: perSecond, ...rest, views };
  } finally {
    await server.stop();
  }
}

async function measureStatic() {
  const server = await start('static.mjs', []);
  try {
    const next = () => ({ method: 'GET', path: '/metadata/timestamp.json' });
    const { perSecond, p50Ms, p99Ms, failed } = await driveLoad(
      server,
      next,
      Math.min(seconds, STATIC_SECONDS),
    );
    say(`static: ${perSecond} files/s, p99 ${p99Ms} ms`);
    return { requestsPerSecond: perSecond, p50Ms, p99Ms, failed };
  } finally {
    await server.stop();
  }
}

async function start(program, args) {
  const child = spawn(process.execPath, [join(here, 'fleet', program), ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [address] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([status]) => {
      throw new Error(`${program} ended with ${status}`);
    }),
  ]);
  return {
    address,
    async state() {
      child.send('state');
      const [state] = await once(child, 'message');
      return state;
    },
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Machines take turns; none has two check-ins under way. */
function checkInsOf(machines) {
  let at = 0;
  return () => {
    const machine = machines[at % machines.length];
    at += 1;
    machine.sequence += 1;
    const nonce = machine.sequence.toString(16).padStart(32, '0');
    const report = { ...machine.report, uptimeSeconds: 3600 * machine.sequence };
    const body = JSON.stringify({ sequence: machine.sequence, nonce, identity: machine.identity, report });
    return { method: 'POST', path: '/api/v1/check-in', token: machine.token, body };
  };
}

async function driveLoad(server, next, forSeconds = seconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const { hostname, port } = new URL(server.address);
  const times = [];
  let failed = 0;
  const run = async (end, note) => {
    while (performance.now() < end) {
      const begin = performance.now();
      const status = await send({ agent, hostname, port }, next());
      if (!note) continue;
      times.push(performance.now() - begin);
      if (status !== 200) failed += 1;
    }
  };
  const all = (duration, note) => {
    const end = performance.now() + duration * 1000;
    return Promise.all(Array.from({ length: connections }, () => run(end, note)));
  };
  await all(Math.min(5, forSeconds), false);
  const before = await readCpu(server);
  const watch = watchMemory(server, forSeconds / 60);
  const began = performance.now();
  await all(forSeconds, true);
  const took = (performance.now() - began) / 1000;
  const memory = await watch.end();
  const after = await readCpu(server);
  agent.destroy();
  times.sort((a, b) => a - b);
  const part = (share) =>
    round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN);
  // CPU time of each part for one request: figures that other work on the machine changes little.
  const cpuMs = Object.fromEntries(
    Object.keys(before.cpuMs).map((name) => [
      name,
      round((after.cpuMs[name] - before.cpuMs[name]) / times.length, 3),
    ]),
  );
  return {
    perSecond: Math.round(times.length / took),
    p50Ms: part(0.5),
    p99Ms: part(0.99),
    failed,
    memory,
    cpuMs,
  };
}

/** Of resident memory and its parts: first, median and last. */
function watchMemory(server, everySeconds) {
  const samples = [];
  const sample = async () => samples.push((await server.state()).memory);
  let under = sample();
  const timer = setInterval(() => {
    under = under.then(sample);
  }, everySeconds * 1000);
  return {
    async end() {
      clearInterval(timer);
      await under.then(sample);
      const mb = Object.fromEntries(
        Object.keys(samples[0]).map((kind) => {
          const values = samples.map((each) => Math.round(each[kind] / 1e6));
          const sorted = values.toSorted((a, b) => a - b);
          return [
            kind,
            {
              first: values[0],
              median: sorted[sorted.length >> 1],
              last: values.at(-1),
              all: kind === 'rss' ? values : undefined,
            },
          ];
        }),
      );
      return { samples: samples.length, mb };
    },
  };
}

/** So far: of the server, of all processes of PostgreSQL, and of this one, which is the machines. */
async function readCpu(server) {
  const { cpuMs } = await server.state();
  const { user, system } = process.cpuUsage();
  return {
    cpuMs: { server: cpuMs, database: cpuOfChildren(cluster.pid), machines: (user + system) / 1000 },
  };
}

/** proc(5): utime and stime of a process and its children, and of those that have ended, in ticks of 10 ms. */
function cpuOfChildren(pid) {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let text;
    try {
      text = readFileSync(`/proc/${name}/stat`, 'utf8');
    } catch {
      // It has ended meanwhile.
      continue;
    }
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    if (Number(name) === pid) ticks += fields[11] + fields[12] + fields[13] + fields[14];
    else if (fields[1] === pid) ticks += fields[11] + fields[12];
  }
  return ticks * 10;
}

function send(target, { method, path, token, body }) {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const sent = httpRequest({ ...target, method, path, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** The median of five, after one that may fill caches. */
/** Through a group of half the fleet, a tenth of it picked by chance, and the rest. */
async function startRollout(address, session) {
  const ask = async (method, path, body) => {
    const headers = { authorization: `Bearer ${session}`, 'content-type': 'application/json' };
    const answer = await fetch(new URL(path, address), { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const rings = [
    { name: 'web', groups: ['web'] },
    { name: 'early', percent: 10 },
    { name: 'all', percent: 100 },
  ];
  await ask('PUT', '/api/v1/rollout-plans/bench', { rings });
  const rollout = { name: 'bench', plan: 'bench', updates: ['update_29'] };
  return (await ask('POST', '/api/v1/rollouts', rollout)).id;
}

async function measureViews(address, session) {
  const views = {
    list: '/api/v1/machines?limit=100',
    filterStatus: '/api/v1/machines?limit=100&status=outofdate',
    filterTag: '/api/v1/machines?limit=100&tag=rack-7',
    filterKernel: '/api/v1/machines?limit=100&kernel=6.1.0-47&health=bad',
    search: '/api/v1/machines?limit=100&search=host-77',
    cves: '/api/v1/cves',
    cveMachines: '/api/v1/machines?limit=100&cve=CVE-2026-10001&cveState=open',
    fleet: '/api/v1/fleet',
    rollout: `/api/v1/rollouts/${await startRollout(address, session)}`,
  };
  const { hostname, port } = new URL(address);
  const agent = new Agent({ keepAlive: true });
  const measured = {};
  for (const [view, path] of Object.entries(views)) {
    const times = [];
    for (let run = 0; run < 6; run += 1) {
      const begin = performance.now();
      const status = await send({ agent, hostname, port }, { method: 'GET', path, token: session });
      if (status !== 200) throw new Error(`${path}: ${status}`);
      if (run > 0) times.push(performance.now() - begin);
    }
    measured[view] = round(times.sort((a, b) => a - b)[2]);
  }
  agent.destroy();
  return measured;
}

function round(value, digits = 1) {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

function seconds1(ms) {
  return (ms / 1000).toFixed(1);
}
