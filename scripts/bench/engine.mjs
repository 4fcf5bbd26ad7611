// What do comparing, matching and writing the module cost beside the compiler? `npm run bench:engine [RELEASE=FROM TO FILE…]` takes each
// file as it is in two versions of the source, and measures in one run, one after the other:
//   gcc     the older file compiled once, by its recorded command
//   engine  parse both objects, compare them, match the older one with the shipped kernel, assemble the module
// objtool and reading the kernel's image are in neither; the latter is done once for each update and printed on its own.
// Goal: the engine under 10 % of gcc. Printed too: milliseconds and memory for each megabyte of object.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import {
  diffSources,
  fetchKernel,
  listFetchedKernels,
  loadKernelModel,
  prepareTree,
  resolveKernel,
  resolveSource,
  systemApt,
} from '@resplice/build';
import { assembleUpdate, diffObjects, matchObject, ownPart, parseObject, partOfDiff } from '@resplice/engine';

const FILES = [
  'net/core/sock.c',
  'net/ipv4/raw.c',
  'net/ipv4/icmp.c',
  'fs/eventpoll.c',
  'net/unix/af_unix.c',
  'fs/ocfs2/resize.c',
  'net/can/raw.c',
];
const ROUNDS = 3;
const [kernelName = '6.1.0-47-amd64=6.1.170-3', to = '6.1.176-1', ...named] = process.argv.slice(2);
const apt = systemApt();
const work = mkdtempSync(join(tmpdir(), 'resplice-bench-'));

/** The fastest of several: what the work costs when nothing disturbs it. */
function fastest(action) {
  let milliseconds = Number.POSITIVE_INFINITY;
  let value;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    value = action();
    milliseconds = Math.min(milliseconds, performance.now() - start);
  }
  return { milliseconds, value };
}

/** The recorded command on another text of the same file. */
function compile(tree, command, text, name) {
  const input = join(work, name, basename(command.source));
  mkdirSync(dirname(input), { recursive: true });
  writeFileSync(input, text);
  const [compiler, ...flags] = command.arguments;
  const sections = ['-ffunction-sections', '-fdata-sections', `-fmacro-prefix-map=${dirname(input)}=.`];
  const near = ['-iquote', join(tree.directory, dirname(command.source))];
  const output = `${input}.o`;
  execFileSync(compiler, [...flags, ...near, ...sections, '-c', '-o', output, input], {
    cwd: tree.directory,
    stdio: 'pipe',
  });
  return readFileSync(output);
}

/** A difference that needs those of other files too does not compile alone. */
function compileOrSkip(tree, command, text) {
  try {
    return compile(tree, command, text, 'file');
  } catch (error) {
    if (!('status' in error)) throw error;
    console.log(`${command.source}: its difference does not compile alone, not counted`);
    return undefined;
  }
}

function patchText(text, patch) {
  const file = join(work, 'patched.c');
  writeFileSync(file, text);
  execFileSync('patch', ['--silent', file], { input: patch });
  return readFileSync(file);
}

/** Stands for the update's own code, which is compiled once for each kernel. */
function compileEntry() {
  const input = join(work, 'entry.c');
  writeFileSync(input, 'int init_module(void) { return 0; }\nvoid cleanup_module(void) {}\n');
  execFileSync('gcc', ['-ffunction-sections', '-c', '-o', `${input}.o`, input]);
  return parseObject(readFileSync(`${input}.o`), 'entry');
}

function runEngine(model, entry, name, before, after) {
  const [pre, post] = [parseObject(before, name), parseObject(after, name)];
  const diff = diffObjects(name, pre, post, model.layouts);
  matchObject(diff.pre, model.vmlinux);
  assembleUpdate({
    parts: [partOfDiff('vmlinux', diff), ownPart(entry, model.layouts)],
    functions: diff.replaced.map(({ before: old, after: replacement }) => ({
      object: 'vmlinux',
      name: old.name,
      position: 0,
      replacement,
    })),
    layouts: model.layouts,
    isInKernel: (symbol) => model.vmlinux.addressesOf(symbol).length > 0,
    isExported: (symbol) => model.exports.get(symbol)?.module === 'vmlinux',
  });
  return diff.replaced.length;
}

try {
  const kernel = await fetchKernel(
    await resolveKernel(kernelName, apt, { fetched: await listFetchedKernels() }),
  );
  const tree = await prepareTree(kernel);
  const start = performance.now();
  const model = await loadKernelModel(kernel);
  console.log(
    `the kernel's image, symbols and types are read in ${Math.round(performance.now() - start)} ms`,
  );
  const from = await resolveSource(kernel.identity.version, apt);
  const newer = await resolveSource(to, apt);
  const entry = compileEntry();
  const totals = { gcc: 0, engine: 0, megabytes: 0 };
  for (const file of named.length > 0 ? named : FILES) {
    const [command] = tree.database.bySource(file);
    const patch = await diffSources(from, newer, [file]);
    if (command === undefined || patch === '') {
      console.log(
        `${file}: ${command === undefined ? 'not built in this configuration' : 'does not differ'}`,
      );
      continue;
    }
    const text = readFileSync(join(tree.directory, file));
    const gcc = fastest(() => compile(tree, command, text, 'file'));
    const after = compileOrSkip(tree, command, patchText(text, patch));
    if (after === undefined) continue;
    const engine = fastest(() => runEngine(model, entry, file, gcc.value, after));
    const megabytes = gcc.value.length / 1e6;
    totals.gcc += gcc.milliseconds;
    totals.engine += engine.milliseconds;
    totals.megabytes += megabytes;
    const share = ((100 * engine.milliseconds) / gcc.milliseconds).toFixed(1);
    console.log(
      `${file.padEnd(24)} gcc ${Math.round(gcc.milliseconds)} ms, engine ${Math.round(engine.milliseconds)} ms (${share} %), ${engine.value} functions, ${megabytes.toFixed(1)} MB`,
    );
  }
  const memory = process.resourceUsage().maxRSS / 1024;
  const share = ((100 * totals.engine) / totals.gcc).toFixed(1);
  const rate = Math.round(totals.engine / totals.megabytes);
  console.log(
    `all: ${share} % of gcc, ${rate} ms per MB of object, ${Math.round(memory)} MB of memory at most`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
