// Runs every test of the repository in one go and adds up the results; the last line is "N passed, N failed", alone.
// Cheap groups come first, as many files at once as there are processors. Where guests are booted, a file takes a whole processor: two run at once,
// of the end-to-end tests the longest first.
//
// `node scripts/run-tests.mjs unit` runs only the groups named.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules/.bin');

/** `true` would leave one of them out: half of a machine with two. */
const PROCESSORS = availableParallelism();

const GROUPS = {
  check: runChecks,
  unit: () =>
    runFiles(
      listTests().filter((path) => !isOnRealKernel(path)),
      PROCESSORS,
    ),
  real: () => onTestKernel(() => runFiles(listTests().filter(isOnRealKernel), 2)),
  e2e: () => onTestKernel(() => runFiles(listEndToEndTests(), 2)),
  // Two guests at once, or one that stops all its processors over and over.
  alone: () => onTestKernel(() => runFiles(listTestsOf(join(root, 'e2e')).filter(isAlone), 1)),
};

let testKernel;

/** Runs tests with the kernels they need; without them they have failed. */
async function onTestKernel(runTests) {
  try {
    // Loaded late: it stands on compiled packages, and must not take the other groups down with them.
    testKernel ??= import('./test-kernel.mjs').then(({ prepareTestKernel }) => prepareTestKernel());
    Object.assign(process.env, await testKernel);
  } catch (error) {
    console.log(`✖ the kernels for these tests cannot be had: ${error.message}`);
    return { passed: 0, failed: 1 };
  }
  return runTests();
}

/** Tests under test/vm and test/real boot kernels or work on the kernels of the distribution. */
function isOnRealKernel(path) {
  return /\/dist\/test\/(?:vm|real)\//.test(path);
}

function listTests() {
  return readdirSync(join(root, 'packages'))
    .flatMap((name) => listTestsOf(join(root, 'packages', name)))
    .sort();
}

/** running-kernel, which takes longest, is the last by name. */
function listEndToEndTests() {
  return listTestsOf(join(root, 'e2e'))
    .filter((path) => !isAlone(path))
    .sort()
    .reverse();
}

function isAlone(path) {
  return /\/dist\/test\/(?:fleet\/|soak\.)/.test(path);
}

/** Compiled tests, found by their sources, so that one left over from a renamed source is not run. */
function listTestsOf(folder) {
  if (!existsSync(join(folder, 'test'))) return [];
  return readdirSync(join(folder, 'test'), { recursive: true })
    .filter((path) => path.endsWith('.test.ts') && !path.includes('fixtures/'))
    .map((path) => join(folder, 'dist/test', path.replace(/\.ts$/, '.js')));
}

async function runChecks() {
  const commands = [
    ['format and lint', join(bin, 'biome'), ['check', '--error-on-warnings', '.']],
    ['types', join(bin, 'tsc'), ['-b']],
  ];
  let sum = { passed: 0, failed: 0 };
  for (const [title, command, args] of commands) {
    const status = await runCommand(command, args);
    console.log(`${status === 0 ? '✔' : '✖'} ${title}`);
    sum = add(sum, status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
  }
  const folder = join(root, 'scripts/check');
  const files = readdirSync(folder).filter((name) => name.endsWith('.test.mjs'));
  return add(
    sum,
    await runFiles(
      files.map((name) => join(folder, name)),
      PROCESSORS,
    ),
  );
}

/** A skipped test counts as failed, and so does a group without tests: nothing passes by not running. */
function runFiles(files, concurrency) {
  if (files.length === 0) {
    console.log('✖ no tests found');
    return { passed: 0, failed: 1 };
  }
  return new Promise((resolve, reject) => {
    let passed = 0;
    let failed = 0;
    const stream = run({ files, concurrency });
    stream.on('test:pass', (event) => {
      if (event.details.type === 'suite') return;
      if (event.skip === undefined && event.todo === undefined) passed += 1;
      else failed += 1;
    });
    stream.on('test:fail', (event) => {
      if (event.details.type !== 'suite') failed += 1;
    });
    stream.on('error', reject);
    const report = stream.compose(spec);
    report.on('end', () => resolve({ passed, failed: passed + failed === 0 ? 1 : failed }));
    report.pipe(process.stdout, { end: false });
  });
}

/** Runs a command with its output shown; resolves to its exit status, whatever that is. */
function runCommand(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('close', resolve);
  });
}

function add(left, right) {
  return { passed: left.passed + right.passed, failed: left.failed + right.failed };
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(GROUPS);
let total = { passed: 0, failed: 0 };
for (const name of names) {
  const group = GROUPS[name];
  if (group === undefined)
    throw new Error(`no group ${name}; expected one of ${Object.keys(GROUPS).join(', ')}`);
  console.log(`\n# ${name}`);
  total = add(total, await group());
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
