// How the two engines switch over: `npm run bench:switch [-- --json]`. One guest with two processors for the pause of all CPUs, beside a stop in which
// nothing is done, with 100 and with 10,000 sleeping threads, and for the time that `apply` takes; another one, whose clock counts
// instructions, for the cost of a call.
// Goals: pause at most twice an empty stop; with 10,000 threads at most twice that with 100; time from apply to active under half of
// livepatch's; a call through a jump costs 1 to 2 instructions more.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fetchKernel, listFetchedKernels, prepareTree, resolveKernel, systemApt } from '@resplice/build';
import { readUpdate } from '@resplice/update';
import { findKernelComplaints, runGuest } from '@resplice/vm';
import { CORE_FILE, SPEC, UPDATE_FILE } from '../../e2e/dist/src/core/spec.js';
import { bundleGuestProgram } from '../../e2e/dist/src/guest-program.js';
import { renderReport, summarizeActivation, summarizeCost, summarizePauses } from './switch/report.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});
const [release = '6.1.0-47-amd64', version = '6.1.170-3'] = positionals;
const ROUNDS = 5;
const ENGINES = ['livepatch', 'trampoline'];
/** The same code with another offset in it: neither more nor fewer instructions. */
const PATCHED = 'kernel/sys.c';
const [BEFORE, AFTER] = [
  'pid = task_tgid_vnr(rcu_dereference(current->real_parent));',
  'pid = task_tgid_vnr(rcu_dereference(current->parent));',
];
const here = new URL('switch/', import.meta.url).pathname;
const bin = new URL('../../packages/cli/', import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'resplice-bench-'));

function run(program, args, options = {}) {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
}

function writePatch(directory) {
  const text = readFileSync(join(directory, PATCHED), 'utf8');
  if (text.split(BEFORE).length !== 2)
    throw new Error(`${PATCHED} of ${release} does not have getppid() as expected`);
  for (const [side, content] of [
    ['a', text],
    ['b', text.replace(BEFORE, AFTER)],
  ]) {
    mkdirSync(join(work, side, 'kernel'), { recursive: true });
    writeFileSync(join(work, side, PATCHED), content);
  }
  try {
    run('diff', ['-u', `a/${PATCHED}`, `b/${PATCHED}`], { cwd: work });
  } catch ({ stdout }) {
    writeFileSync(join(work, 'fix.patch'), stdout);
  }
}

async function createUpdate(engine) {
  const file = join(work, `${engine}.splice`);
  const args = ['create', '--kernel', `${release}=${version}`, '--patch', join(work, 'fix.patch')];
  run(process.execPath, [join(bin, 'bin/resplice.mjs'), ...args, '--engine', engine, '-o', file]);
  return { file, ...(await readUpdate(file)) };
}

function compileModule({ directory, compiler }) {
  const place = join(work, 'module');
  mkdirSync(place);
  copyFileSync(join(here, 'empty-stop.c'), join(place, 'empty_stop.c'));
  writeFileSync(join(place, 'Makefile'), 'obj-m := empty_stop.o\n');
  run('make', ['-s', '-C', directory, `M=${place}`, `CC=${compiler.command}`, 'modules']);
  return join(place, 'empty_stop.ko');
}

function compileProgram(name, ...flags) {
  const output = join(work, name);
  run('gcc-12', ['-static', '-O2', '-Wall', '-Werror', ...flags, '-o', output, join(here, `${name}.c`)]);
  return output;
}

function file(path, source, mode) {
  const content = typeof source === 'string' ? { file: source } : { bytes: source };
  return { path, source: content, ...(mode === undefined ? {} : { mode }) };
}

const resplice = (name, ...args) => ({
  name,
  argv: ['node', '--liftoff-only', '/resplice.cjs', ...args, '--json'],
});

/** Each step takes a while, and some take minutes on a busy machine. */
function tell(event) {
  if (event.type === 'booted') console.error(`booted in ${Math.round(event.milliseconds / 1000)} s`);
  if (event.type === 'step-finished')
    console.error(`${event.result.name}: ${(event.result.milliseconds / 1000).toFixed(1)} s`);
}

async function boot(spec) {
  const result = await runGuest({ withNode: true, timeoutSeconds: 1500, onEvent: tell, ...spec });
  const failed = result.steps.find((step) => step.exitCode !== 0);
  if (failed !== undefined) throw new Error(`${failed.name}: ${failed.stdout}${failed.stderr}`);
  if (result.outcome !== 'completed') throw new Error(`the guest did not end well: ${result.explanation}`);
  const complaints = findKernelComplaints(result.kernelLog);
  if (complaints.length > 0) throw new Error(`the kernel complains: ${JSON.stringify(complaints)}`);
  return result;
}

try {
  const kernel = await fetchKernel(
    await resolveKernel(`${release}=${version}`, systemApt(), { fetched: await listFetchedKernels() }),
  );
  const tree = await prepareTree(kernel);
  writePatch(tree.directory);
  const updates = new Map();
  for (const engine of ENGINES) updates.set(engine, await createUpdate(engine));
  const { manifest, files } = updates.get('trampoline');
  const spec = {
    module: manifest.module.name,
    otherModule: '',
    functions: manifest.objects.flatMap(({ functions }) => functions),
    trampoline: manifest.trampoline,
  };
  const common = [
    file('/resplice.cjs', readFileSync(join(bin, 'dist/resplice.cjs'))),
    file('/usr/bin/flock', '/usr/bin/flock'),
    ...ENGINES.map((engine) => file(`/${engine}.splice`, updates.get(engine).file)),
  ];
  const measured = await boot({
    vmlinuz: kernel.vmlinuz,
    memoryMb: 2048,
    files: [
      ...common,
      file(CORE_FILE, files.get(manifest.trampoline.core.file)),
      file(UPDATE_FILE, files.get(manifest.module.file)),
      file(SPEC, Buffer.from(JSON.stringify(spec))),
      file('/core/empty_stop.ko', compileModule(tree)),
      file('/core/sleepers', compileProgram('sleepers', '-pthread'), 0o755),
      file('/core/pause.cjs', await bundleGuestProgram('core/pause-guest.js')),
    ],
    steps: [
      ...Array.from({ length: ROUNDS }, () =>
        ENGINES.flatMap((engine) => [
          resplice(`apply ${engine}`, 'apply', `/${engine}.splice`),
          resplice(`undo ${engine}`, 'undo', updates.get(engine).manifest.id),
        ]),
      ).flat(),
      { name: 'insmod', argv: ['insmod', '/core/empty_stop.ko'] },
      { name: 'pause', argv: ['node', '/core/pause.cjs'], timeoutSeconds: 1800 },
    ],
  });
  const counted = await boot({
    vmlinuz: kernel.vmlinuz,
    instructionClock: true,
    bootTimeoutSeconds: 900,
    files: [...common, file('/call-cost', compileProgram('call-cost'), 0o755)],
    steps: [
      { name: 'plain', argv: ['/call-cost'] },
      ...ENGINES.flatMap((engine) => [
        { ...resplice(`apply ${engine}`, 'apply', `/${engine}.splice`), timeoutSeconds: 1200 },
        { name: engine, argv: ['/call-cost'] },
        { ...resplice(`undo ${engine}`, 'undo', updates.get(engine).manifest.id), timeoutSeconds: 1200 },
      ]),
    ],
  });
  const outputs = ({ steps }, wanted) =>
    steps.filter(({ name }) => name === wanted).map(({ stdout }) => JSON.parse(stdout));
  const answers = Object.fromEntries(ENGINES.map((engine) => [engine, outputs(measured, `apply ${engine}`)]));
  const costs = ['plain', ...ENGINES].map((name) => [name, outputs(counted, name)[0]]);
  const report = {
    kernel: `${release} (${version})`,
    pause: summarizePauses(outputs(measured, 'pause')[0]),
    activation: summarizeActivation(answers),
    callCost: summarizeCost(Object.fromEntries(costs)),
  };
  console.log(values.json ? JSON.stringify(report, null, 2) : renderReport(report));
} finally {
  rmSync(work, { recursive: true, force: true });
}
