// The kernels of the tests that work on real ones: fetched and prepared before those tests run, so that what takes minutes
// the first time is seen, and named in the environment for the packages' own tests.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchKernel, listFetchedKernels, prepareTree, resolveKernel, systemApt } from '@resplice/build';
import { locatePayload } from '@resplice/engine';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const DECOMPRESSORS = { xz: 'xz', zstd: 'zstd' };
const LARGEST_IMAGE = 512 * 1024 * 1024;

/** Fetches and prepares, and says what it does. Returns the variables that the tests read. */
export async function prepareTestKernel() {
  const { chooseNewerKernel, choosePair } = await import(join(root, 'e2e/dist/src/kernel-pair.js'));
  const pair = await choosePair((line) => console.log(line));
  console.log(
    `kernel ${pair.release} (${pair.version}), fixes from ${pair.fixed}, other kernel ${pair.other.release}`,
  );
  await fetch(pair.other);
  const kernel = await fetch(pair);
  await prepareTree(kernel, { progress: printStage });
  const newer = await chooseNewerKernel();
  await prepareTree(await fetch(newer), { progress: printStage });
  return {
    RESPLICE_TEST_KERNELS: [pair, newer].map(({ release, version }) => `${release}=${version}`).join(' '),
    RESPLICE_TEST_VMLINUZ: kernel.vmlinuz,
    RESPLICE_TEST_MODULES: kernel.modules,
    RESPLICE_TEST_VMLINUX: decompress(kernel),
  };
}

async function fetch({ release, version }) {
  const identity = await resolveKernel(`${release}=${version}`, systemApt(), {
    fetched: await listFetchedKernels(),
  });
  return fetchKernel(identity, { progress: printStage });
}

function printStage({ stage, state, detail }) {
  if (state === 'start') console.log(`  ${stage} ${detail ?? ''}`);
}

/** `create` puts the decompressed image at the same place; whoever comes first. */
function decompress({ directory, vmlinuz }) {
  const file = join(directory, 'vmlinux');
  if (existsSync(file)) return file;
  const image = readFileSync(vmlinuz);
  const { offset, length, compression } = locatePayload(image, vmlinuz);
  const program = DECOMPRESSORS[compression];
  if (program === undefined)
    throw new Error(`${vmlinuz}: compressed with ${compression}, which is not known here`);
  const { status, stdout, stderr } = spawnSync(program, ['-dc'], {
    input: image.subarray(offset, offset + length),
    maxBuffer: LARGEST_IMAGE,
  });
  if (status !== 0) throw new Error(`${vmlinuz}: ${program}: ${stderr}`);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, stdout);
  renameSync(draft, file);
  return file;
}
