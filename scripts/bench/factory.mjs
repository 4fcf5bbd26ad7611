// `npm run bench:factory -- --workers 1 --workers 2 --sample 100`: a release of the distribution through the factory, from the moment the factory is switched on and apt
// offers it until all of it is ready for review, once for each number of workers: units, what became of them, processor time, wall time. Without
// --sample (or --only) it is the whole release, which takes hours; --cves only|none takes the part with CVE numbers or the other one, --without leaves a
// unit out. Each run has its own server, PostgreSQL, artefact store and workers of one job at a
// time, and compiles everything anew: objects and hashes of texts that earlier work left in the cache are out of the way meanwhile. The kernel is
// fetched and prepared before.
//
// With --state FOLDER, which PostgreSQL's user must be able to enter (/var/tmp/factory), a run that is ended with Ctrl-C is continued by the
// same command, as a factory is that was switched off. Its wall time is then that of all its stretches, without the pauses between them. What it has
// compiled is kept meanwhile, for one such run at a time: another one that is begun throws it away, and the first compiles it again.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openWorkshop } from '@resplice/build';
import pg from 'pg';
import { FactoryPeople, ON_ITS_WAY } from '../../e2e/dist/src/factory/factory-people.js';
import { FleetServer } from '../../e2e/dist/src/fleet/fleet-server.js';
import { resplice } from '../../e2e/dist/src/resplice-command.js';
import { UpdateSite } from '../../e2e/dist/src/update-site.js';
import { drawSample } from '../../packages/build/dist/src/evaluate/sample.js';
import { startCluster } from '../../packages/server/dist/test/support/cluster.js';

const { values } = parseArgs({
  options: {
    kernel: { type: 'string', default: '6.1.0-47-amd64' },
    from: { type: 'string', default: '6.1.170-3' },
    to: { type: 'string', default: '6.1.176-1' },
    only: { type: 'string', multiple: true, default: [] },
    without: { type: 'string', multiple: true, default: [] },
    cves: { type: 'string' },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', multiple: true, default: ['2'] },
    state: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const NOTICE_SECONDS = 600;
const LOOK_MS = 10_000;

/** Servers and workers are ended, and the cache put right, when a person has enough. */
const enough = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'])
  process.once(name, () => enough.abort(new Error(`ended by ${name}`)));

const say = (text) => {
  if (!values.json) console.log(text);
};
const kernel = `${values.kernel}=${values.from}`;
const branch = values.to.split('.').slice(0, 2).join('.');

if (values.cves !== undefined && !['only', 'none'].includes(values.cves)) {
  console.error(`--cves is "${values.cves}"; only takes units with a CVE number, none those without`);
  process.exit(2);
}
const isDrawn =
  [values.sample, values.cves].some((value) => value !== undefined) || values.without.length > 0;
const only = isDrawn ? await draw(Number(values.sample ?? Infinity)) : values.only;
const { tree } = await openWorkshop({ kernel }, {});
/** What conversions leave in the cache. */
const caches = ['objects', 'patched', 'preprocessed'].map((name) => join(tree.home, name));
const asideOf = (cache) => `${cache}.aside`;
const clear = () => Promise.all(caches.map((cache) => rm(cache, { recursive: true, force: true })));
const keptOf = (cache) => `${cache}.kept`;
const folder = values.state ?? (await mkdtemp(join(tmpdir(), 'resplice-factory-')));
/** What the runs have come to: by number of workers, when the state is kept. */
const stateFile = join(folder, 'state.json');
const order = JSON.stringify({ ...values, workers: undefined, json: undefined, state: undefined });
const state = readState();
const cluster = await startCluster({
  durable: true,
  ...(values.state === undefined ? {} : { home: join(folder, 'postgres') }),
});
const result = { ...values, only, load: loadavg()[0], runs: [] };
try {
  // What an interrupted run left aside.
  for (const cache of caches)
    if (existsSync(cache) && !existsSync(asideOf(cache))) await rename(cache, asideOf(cache));
  for (const count of values.workers) {
    await clear();
    state.runs[count] ??= {};
    const known = state.runs[count];
    if (known.administrator !== undefined)
      for (const cache of caches) if (existsSync(keptOf(cache))) await rename(keptOf(cache), cache);
    known.result ??= await measure(Number(count), known);
    result.runs.push(known.result);
    writeState();
    tell(known.result);
  }
  if (values.json) console.log(JSON.stringify(result, null, 2));
} catch (error) {
  if (!enough.signal.aborted) throw error;
  const { message } = enough.signal.reason;
  say(values.state === undefined ? message : `${message}; the same command goes on from here`);
  process.exitCode = 130;
} finally {
  const isOver = result.runs.length === values.workers.length;
  // Without --state, what is kept is another run's.
  for (const cache of values.state === undefined ? [] : caches) {
    await rm(keptOf(cache), { recursive: true, force: true });
    if (!isOver && existsSync(cache)) await rename(cache, keptOf(cache));
  }
  await clear();
  for (const cache of caches) if (existsSync(asideOf(cache))) await rename(asideOf(cache), cache);
  await cluster.stop();
  if (values.state === undefined) await rm(folder, { recursive: true, force: true });
}

function readState() {
  if (!existsSync(stateFile)) return { order, runs: {} };
  const kept = JSON.parse(readFileSync(stateFile, 'utf8'));
  if (kept.order === order) return kept;
  throw new Error(`${folder} is of another order, ${kept.order}; take another folder, or remove it`);
}

function writeState() {
  if (values.state === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${stateFile}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${stateFile}.new`, stateFile);
}

/** Units of the release, or of the files and folders that --only names. */
async function draw(size) {
  const { json } = await resplice(['split', '--from', values.from, '--to', values.to, ...values.only]);
  const unknown = values.without.filter((name) => !json.units.some(({ id }) => id === name));
  if (unknown.length > 0) throw new Error(`no unit of the release is called ${unknown.join(' or ')}`);
  const units = json.units.filter(
    ({ id, cves }) =>
      !values.without.includes(id) &&
      (values.cves === undefined || cves.length > 0 === (values.cves === 'only')),
  );
  return drawSample(units, size, Number(values.seed)).map(({ id }) => id);
}

/** @param known what an earlier stretch has come to */
async function measure(count, known) {
  const place = join(folder, `workers-${count}`);
  const isNew = known.administrator === undefined;
  if (isNew) {
    known.seconds = 0;
    known.stretches = 0;
    // Of one that was ended before it had begun.
    await rm(place, { recursive: true, force: true });
    await mkdir(place, { recursive: true });
  }
  const database = cluster.openDatabase(`workers_${count}`, isNew);
  const site = isNew ? await UpdateSite.make(place, values.kernel) : UpdateSite.at(place);
  if (isNew) await site.run('publish');
  const server = await FleetServer.start(place, site.public, {
    databaseUrl: database,
    administrator: known.administrator,
    worker: ['--factory', '--jobs', '1', ...site.options],
    workers: count,
  });
  const clock = openStretch(known.seconds);
  known.stretches += 1;
  const keep = () => {
    known.seconds = clock();
    writeState();
  };
  const pool = new pg.Pool({ connectionString: database });
  try {
    const people = new FactoryPeople((...asked) => server.ask(...asked));
    const watch = { branch, kernels: [kernel], upTo: values.to, ...(only.length === 0 ? {} : { only }) };
    if (isNew) await people.watch(watch);
    known.administrator = server.administrator;
    keep();
    const { id } = await people.noticed(NOTICE_SECONDS);
    const settled = await settle(people, id, { count, pool, clock, known, keep });
    const { rows: jobs } = await pool.query(
      `select kind, count(*)::int as jobs, sum(cpu_milliseconds)::float8 / 1000 as seconds
       from factory_jobs where state = 'done' group by kind order by kind`,
    );
    const processorSeconds = jobs.reduce((sum, { seconds }) => sum + seconds, 0);
    return { workers: count, ...settled, processorSeconds, jobs, others: await askOthers(pool) };
  } finally {
    keep();
    await pool.end();
    await server.close();
  }
}

/** Time in which the factory was switched on, in seconds. */
function openStretch(before) {
  const begin = Date.now();
  return () => before + (Date.now() - begin) / 1000;
}

async function settle(people, id, { count, pool, clock, known, keep }) {
  let last = '';
  for (;;) {
    const { state: released, problem, settledAt, counts, units } = await people.release(id);
    if (released === 'failed') throw new Error(`the release failed: ${problem}`);
    if (known.withCves === undefined) {
      const { units: asked, ready, open } = await askCves(pool);
      if (asked > 0 && open === 0) {
        const seconds = clock();
        known.withCves = { units: asked, ready, seconds };
        say(
          `  ${count} workers: the ${asked} units with a CVE are settled after ${minutes(seconds)} min, ${ready} ready for review`,
        );
      }
    }
    if (settledAt !== null) {
      // Those that wait are parts of a unit that was joined from them.
      const built = units - (counts['not-built'] ?? 0) - (counts.waiting ?? 0);
      const percentReady = Math.round((1000 * (counts['in-review'] ?? 0)) / built) / 10;
      const { withCves, stretches } = known;
      return { units, counts, percentReady, seconds: clock(), stretches, withCves };
    }
    const done = units - ON_ITS_WAY.reduce((sum, each) => sum + (counts[each] ?? 0), 0);
    const line = `  ${count} workers: ${done} of ${units} units`;
    if (line !== last) {
      say(`${line}, ${minutes(clock())} min`);
      keep();
    }
    last = line;
    await wait(LOOK_MS, undefined, { signal: enough.signal });
  }
}

/** Units with a CVE come first; none is open when workers have nothing more to do for one of them. */
async function askCves(pool) {
  const { rows } = await pool.query(
    `select count(*)::int as units, count(*) filter (where c.state = 'in-review')::int as ready,
       count(*) filter (where c.state = any($1))::int as open
     from factory_candidates c join factory_units u on u.id = c.unit_id
     where jsonb_array_length(u.cves) > 0`,
    [ON_ITS_WAY],
  );
  return rows[0];
}

/** Units that are built and not ready, each with what is in its way. */
async function askOthers(pool) {
  const { rows } = await pool.query(
    `select c.state, u.name as unit,
       case c.state when 'waiting' then 'part of ' || c.waiting_for
         when 'test-failed' then (select t.problem from factory_tests t where t.candidate_id = c.id order by t.id desc limit 1)
         else (select string_agg(distinct r->>'code', ', ') from jsonb_array_elements(c.reasons) r) end as why
     from factory_candidates c join factory_units u on u.id = c.unit_id
     where c.state <> all($1) order by c.state, u.name`,
    [['in-review', 'not-built']],
  );
  return rows;
}

function tell({ workers, seconds, stretches, processorSeconds, jobs, units, counts, percentReady, others }) {
  const done = jobs.map(({ kind, jobs: number, seconds: spent }) => `${number} × ${kind} ${minutes(spent)}`);
  say(
    `${workers} ${workers === 1 ? 'worker' : 'workers'}: ready for review after ${minutes(seconds)} min${stretches === 1 ? '' : ` in ${stretches} stretches`}, ${minutes(processorSeconds)} min of processor time (${done.join(', ')})`,
  );
  const states = Object.entries(counts).map(([state, number]) => `${number} ${state}`);
  say(
    `${units} units: ${states.join(', ')}; ${percentReady} % of those that are built, joined ones counted once, need no code`,
  );
  for (const { state, unit, why } of others) say(`  ${state}: ${unit}: ${shorten(why)}`);
}

/** Of what a command printed in a guest, the line that names the reason. */
function shorten(why) {
  const lines = (why ?? '').split('\n');
  return lines.find((line) => /\[[\w-]+\]$/.test(line)) ?? lines[0];
}

function minutes(seconds) {
  return (seconds / 60).toFixed(1);
}
