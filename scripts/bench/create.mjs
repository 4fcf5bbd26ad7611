// How much longer than one run of the compiler does an update take? `npm run bench:create` measures, side by side in one run:
//   gcc     the changed file compiled once by its recorded command
//   again   `resplice create` once more: original and patched object are in the cache
//   cached  its original object is in the cache
//   fresh   neither is
// Goals: cached at most 3 × gcc, fresh at most 5 × gcc, everything besides the tools under 1 s, memory under 512 MB.
// The caches of objects of the one kernel are emptied; they fill again by themselves.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compileObjects,
  fetchKernel,
  listFetchedKernels,
  prepareTree,
  resolveKernel,
  systemApt,
} from '@resplice/build';

const [release = '6.1.0-47-amd64', from = '6.1.170-3', to = '6.1.176-1', source = 'net/core/sock.c'] =
  process.argv.slice(2);
const ROUNDS = 5;
const resplice = new URL('../../packages/cli/bin/resplice.mjs', import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'resplice-bench-'));

function run(...args) {
  return execFileSync(process.execPath, [resplice, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function timed(action) {
  const start = performance.now();
  const value = action();
  return { milliseconds: performance.now() - start, value };
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function create() {
  const { milliseconds, value } = timed(() =>
    run(
      'create',
      '--json',
      '--kernel',
      `${release}=${from}`,
      '--patch',
      `${work}/fix.patch`,
      '-o',
      `${work}/fix.splice`,
    ),
  );
  const { statistics } = JSON.parse(value);
  const own = statistics.milliseconds - statistics.toolMilliseconds;
  return { milliseconds, own, memory: statistics.peakMemoryBytes };
}

try {
  run('kernel', 'diff', from, to, source, '-o', `${work}/fix.patch`);
  const kernel = await fetchKernel(
    await resolveKernel(`${release}=${from}`, systemApt(), { fetched: await listFetchedKernels() }),
  );
  const tree = await prepareTree(kernel);
  const [command] = tree.database.bySource(source);
  const empty = (...names) => {
    for (const name of names) rmSync(join(tree.home, name), { recursive: true, force: true });
  };
  create();
  const rounds = { gcc: [], again: [], cached: [], fresh: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await compileObjects(tree, { directory: tree.directory, objects: [command.object], output: work });
    rounds.gcc.push({ milliseconds: performance.now() - start });
    rounds.again.push(create());
    empty('patched');
    rounds.cached.push(create());
    empty('patched', 'objects');
    rounds.fresh.push(create());
  }
  const gcc = median(rounds.gcc.map(({ milliseconds }) => milliseconds));
  console.log(`${source} of ${release}, median of ${ROUNDS}`);
  console.log(`gcc     ${(gcc / 1000).toFixed(2)} s`);
  for (const name of ['again', 'cached', 'fresh']) {
    const wall = median(rounds[name].map(({ milliseconds }) => milliseconds));
    const own = median(rounds[name].map((each) => each.own));
    const memory = Math.max(...rounds[name].map((each) => each.memory));
    const parts = [
      `${(wall / 1000).toFixed(2)} s`,
      `${(wall / gcc).toFixed(2)} × gcc`,
      `${(own / 1000).toFixed(2)} s besides the tools`,
      `${Math.round(memory / 1e6)} MB`,
    ];
    console.log(`${name.padEnd(7)} ${parts.join(', ')}`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
