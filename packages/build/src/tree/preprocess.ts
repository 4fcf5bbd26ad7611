// Whether a patched header changes what the compiler sees of an object: the preprocessed text before and after, without line
// markers, as a hash. Equal texts compile to equal code, so most includers of a touched header never reach the compiler.
// Line numbers that a macro puts into the code (__LINE__ in WARN_ON) are in the text and count as a change, as they should.

import { createHash } from 'node:crypto';
import { InputError } from '@resplice/report';
import { compileArguments, requireCommand } from './compile-objects.js';
import { mapParallel, runCompiler } from './compiler-run.js';
import type { PreparedTree } from './prepare-tree.js';

export interface PreprocessOptions {
  readonly extraFlags?: readonly string[];
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  readonly onDone?: (object: string) => void;
}

/** Object → SHA-256 of its preprocessed text when its sources are read from `directory`. @throws InputError `does-not-preprocess`. */
export async function preprocessObjects(
  tree: PreparedTree,
  directory: string,
  objects: readonly string[],
  options: PreprocessOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const hashes = await mapParallel(objects, options.jobs, options.signal, async (object, signal) => {
    const command = requireCommand(tree, object);
    const words = [
      ...compileArguments(command, { extraFlags: options.extraFlags ?? [] }),
      '-E',
      '-P',
      '-o',
      '-',
      command.sourceArgument,
    ];
    const run = await runCompiler(directory, words, signal);
    if (run.status !== 0) {
      const complaint = run.stderr.trim().slice(0, 4000);
      throw new InputError('does-not-preprocess', `${command.source} cannot be preprocessed:\n${complaint}`, {
        context: { object },
      });
    }
    options.onDone?.(object);
    return [object, createHash('sha256').update(run.stdout).digest('hex')] as const;
  });
  return new Map(hashes);
}
