// Compiles little C files the way the kernel compiles its own, in a temporary folder that does not outlive the call.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type ObjectFile, parseObject } from '../../src/elf/object.js';

const run = promisify(execFile);

/** Headers of the fixtures, for sources that are given as text. */
export const FIXTURES = fileURLToPath(new URL('../../../fixtures/', import.meta.url));

/** Kernels under whose flags the fixtures are compiled. */
export const FLAVOURS = ['6.1-amd64', '6.12-amd64'] as const;
export type Flavour = (typeof FLAVOURS)[number];

/** As recorded from the kernels' own builds; `node scripts/fixture-flags.mjs --write` refreshes them. */
const RECORDED = JSON.parse(readFileSync(join(FIXTURES, 'flags.json'), 'utf8')) as Record<
  Flavour,
  { readonly flags: readonly string[] }
>;

/** As an object is compiled for comparing: every definition in a section of its own. */
export const SPLIT = ['-ffunction-sections', '-fdata-sections'] as const;

export type Folder = <T>(work: (folder: string) => Promise<T>) => Promise<T>;

/** Runs `work` in a folder that is removed afterwards. */
export const inTemporaryFolder: Folder = async (work) => {
  const folder = await mkdtemp(join(tmpdir(), 'resplice-test-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
};

/** Compiles a file to the bytes of an object. */
export async function compileFile(
  path: string,
  flags: readonly string[],
  flavour: Flavour = FLAVOURS[0],
): Promise<Uint8Array> {
  return inTemporaryFolder(async (folder) => {
    const output = join(folder, 'out.o');
    await run('gcc-12', [...RECORDED[flavour].flags, ...flags, '-c', '-o', output, path]);
    return new Uint8Array(await readFile(output));
  });
}

/** Compiles C text, which may include "kernel.h" of the fixtures. */
export async function compileText(text: string, flags: readonly string[] = SPLIT): Promise<Uint8Array> {
  return inTemporaryFolder(async (folder) => {
    const path = join(folder, 'text.c');
    await writeFile(path, text);
    return compileFile(path, [`-I${FIXTURES}`, ...flags]);
  });
}

/** As compileText, parsed. */
export async function compileObject(
  text: string,
  flags: readonly string[] = SPLIT,
  name = 'text.o',
): Promise<ObjectFile> {
  return parseObject(await compileText(text, flags), name);
}

/** Without symbols that relocations do not need. */
export async function stripObject(bytes: Uint8Array): Promise<Uint8Array> {
  return inTemporaryFolder(async (folder) => {
    const path = join(folder, 'stripped.o');
    await writeFile(path, bytes);
    await run('strip', [path]);
    return new Uint8Array(await readFile(path));
  });
}

/** Output of a binutils program over `bytes`; rejects when it fails or complains. */
export async function inspect(
  program: string,
  options: readonly string[],
  bytes: Uint8Array,
): Promise<string> {
  return inTemporaryFolder(async (folder) => {
    const path = join(folder, 'object.o');
    await writeFile(path, bytes);
    const { stdout, stderr } = await run(program, [...options, path], { maxBuffer: 1 << 26 });
    if (stderr !== '') throw new Error(`${program} ${options.join(' ')}: ${stderr}`);
    return stdout;
  });
}

/** `work` for all items, as many at a time as there are processors. */
export async function forAll<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Map<number, R>();
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results.set(index, await work(item));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return items.map((_, index) => results.get(index) as R);
}
