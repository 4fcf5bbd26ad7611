// What part of the time of `resplice apply` is ours? `npm run bench:apply` applies and undoes one update several times in an idle
// guest and prints the shares of our checks, of loading the module, and of the kernel's transition.
// Goal: the checks take less than 20 % of the whole.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchKernel, listFetchedKernels, resolveKernel, systemApt } from '@resplice/build';
import { runGuest } from '@resplice/vm';

const [release = '6.1.0-47-amd64', from = '6.1.170-3', to = '6.1.176-1', source = 'net/core/sock.c'] =
  process.argv.slice(2);
const ROUNDS = 5;
const bin = new URL('../../packages/cli/', import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'resplice-bench-'));

function run(...args) {
  return execFileSync(process.execPath, [join(bin, 'bin/resplice.mjs'), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

try {
  run('kernel', 'diff', from, to, source, '-o', `${work}/fix.patch`);
  const made = run(
    'create',
    '--json',
    '--kernel',
    `${release}=${from}`,
    '--patch',
    `${work}/fix.patch`,
    '-o',
    `${work}/fix.splice`,
  );
  const { id } = JSON.parse(made).manifest;
  const kernel = await fetchKernel(
    await resolveKernel(`${release}=${from}`, systemApt(), { fetched: await listFetchedKernels() }),
  );
  const resplice = (...args) => ({ name: args[0], argv: ['node', '/resplice.cjs', ...args, '--json'] });
  const result = await runGuest({
    vmlinuz: kernel.vmlinuz,
    withNode: true,
    files: [
      { path: '/resplice.cjs', source: { bytes: readFileSync(join(bin, 'dist/resplice.cjs')) } },
      { path: '/usr/bin/flock', source: { file: '/usr/bin/flock' } },
      { path: '/fix.splice', source: { file: `${work}/fix.splice` } },
    ],
    steps: Array.from({ length: ROUNDS }, () => [
      resplice('apply', '/fix.splice'),
      resplice('undo', id),
    ]).flat(),
  });
  if (result.outcome !== 'completed')
    throw new Error(`the guest did not run to its end: ${result.explanation}`);
  const failed = result.steps.find((step) => step.exitCode !== 0);
  if (failed !== undefined)
    throw new Error(`${failed.name} failed in the guest: ${failed.stdout}${failed.stderr}`);
  const applied = result.steps
    .filter((step) => step.name === 'apply')
    .map((step) => JSON.parse(step.stdout).milliseconds);
  const shares = applied.map(({ checks, load, transition }) => checks / (checks + load + transition));
  const part = (name) => `${name} ${Math.round(median(applied.map((each) => each[name])))} ms`;
  console.log(`apply of ${source} on ${release} (${result.accelerator}), median of ${ROUNDS}`);
  console.log(`${part('checks')}, ${part('load')}, ${part('transition')}`);
  console.log(`checks are ${(100 * median(shares)).toFixed(1)} % of the whole`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
