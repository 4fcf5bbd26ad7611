// Whether a patched header changes what the compiler sees of an object: the preprocessed text before and after, without line
// markers. Equal texts compile to equal code, so most includers of a touched header never reach the compiler.
// Line numbers that a macro puts into the code (__LINE__ in WARN_ON) are in the text and count as a change, as they should.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError } from '@resplice/report';
import { isMissing } from '../debian/store.js';
import { compileArguments, placeInCache, requireCommand } from './compile-objects.js';
import { mapParallel, runCompiler } from './compiler-run.js';
import type { PreparedTree } from './prepare-tree.js';

export interface PreprocessOptions {
  readonly extraFlags?: readonly string[];
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  readonly onDone?: (object: string) => void;
}

/**
 * The objects whose preprocessed text from `directory` is another one than that of the unpatched tree, as `isOther` sees it. The hash of the latter
 * is kept beside the tree: the next patch to a header asks for most of them again, and mostly nothing differs.
 * @throws InputError `does-not-preprocess`
 */
export async function findOtherTexts(
  tree: PreparedTree,
  directory: string,
  objects: readonly string[],
  isOther: (before: string, after: string) => boolean,
  options: PreprocessOptions = {},
): Promise<readonly string[]> {
  const found = await mapParallel(objects, options.jobs, options.signal, async (object, signal) => {
    const place = placeOf(tree, object, options);
    const read = (root: string) => readText(tree, root, { object, ...options }, signal);
    const kept = await readHash(place);
    const after = await read(directory);
    const before = kept === hashOf(after) ? after : await read(tree.directory);
    if (kept === undefined) await writeHash(place, hashOf(before));
    options.onDone?.(object);
    return !before.equals(after) && isOther(before.toString('latin1'), after.toString('latin1'))
      ? [object]
      : [];
  });
  return found.flat();
}

function hashOf(text: Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

async function readText(
  tree: PreparedTree,
  directory: string,
  { object, extraFlags = [] }: PreprocessOptions & { readonly object: string },
  signal: AbortSignal,
): Promise<Buffer> {
  const command = requireCommand(tree, object);
  const words = [
    ...compileArguments(command, { extraFlags }),
    '-E',
    '-P',
    '-o',
    '-',
    command.sourceArgument,
  ] as const;
  const run = await runCompiler(directory, words, signal);
  if (run.status !== 0) {
    const complaint = run.stderr.trim().slice(0, 4000);
    throw new InputError('does-not-preprocess', `${command.source} cannot be preprocessed:\n${complaint}`, {
      context: { object },
    });
  }
  return run.stdout;
}

function placeOf(tree: PreparedTree, object: string, { extraFlags = [] }: PreprocessOptions): string {
  const command = requireCommand(tree, object);
  return placeInCache(tree, 'preprocessed', command, compileArguments(command, { extraFlags }));
}

/** Undefined when it is not there, or was cut off when the machine went down: syncing thousands of small files would take longer than they save. */
async function readHash(place: string): Promise<string | undefined> {
  try {
    const text = await readFile(place, 'latin1');
    return /^[0-9a-f]{64}$/.test(text) ? text : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function writeHash(place: string, hash: string): Promise<void> {
  await mkdir(dirname(place), { recursive: true });
  const temporary = `${place}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(temporary, hash);
  await rename(temporary, place);
}
