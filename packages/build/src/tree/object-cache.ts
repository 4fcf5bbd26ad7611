// Objects of the unchanged kernel, kept by what determines them: the prepared tree (package version, configuration, compiler)
// and the command. The second update for a kernel so compiles only its patched side. Dependency file first, object last: the
// object's name is what says that both are whole.

import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { exists } from '../debian/store.js';
import type { ObjectCommand } from './compile-database.js';
import {
  type CompiledObject,
  type CompileOptions,
  compileArguments,
  compileOne,
  placeInCache,
  requireCommand,
} from './compile-objects.js';
import { mapParallel } from './compiler-run.js';
import type { PreparedTree } from './prepare-tree.js';

export interface OriginalObject extends CompiledObject {
  readonly cached: boolean;
}

/** The objects of the unpatched tree, compiled now or before, in the order asked for. Do not write to the files. */
export async function compileOriginals(
  tree: PreparedTree,
  objects: readonly string[],
  options: CompileOptions = {},
): Promise<readonly OriginalObject[]> {
  const commands = objects.map((object) => requireCommand(tree, object));
  return mapParallel(commands, options.jobs, options.signal, async (command, signal) => {
    const args = compileArguments(command, options);
    const place = placeOf(tree, command, args);
    const cached = await exists(place.file);
    if (!cached) await compileInto(tree, command, args, place, signal);
    options.onDone?.(command.object);
    return { ...place, cached };
  });
}

/** The dependency list of an object compiled before by the same flags, or undefined. */
export async function findDependencyFile(
  tree: PreparedTree,
  object: string,
  options: CompileOptions = {},
): Promise<string | undefined> {
  const command = requireCommand(tree, object);
  const place = placeOf(tree, command, compileArguments(command, options));
  return (await exists(place.file)) ? place.dependencies : undefined;
}

async function compileInto(
  tree: PreparedTree,
  command: ObjectCommand,
  args: readonly string[],
  place: CompiledObject,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(dirname(place.file), { recursive: true });
  const temporary = `${place.file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const outputs = { file: temporary, dependencies: `${temporary}.d` };
  try {
    await compileOne(tree.directory, command, outputs, args, signal);
    await rename(outputs.dependencies, place.dependencies);
    await rename(outputs.file, place.file);
  } finally {
    await rm(outputs.dependencies, { force: true });
    await rm(outputs.file, { force: true });
  }
}

function placeOf(tree: PreparedTree, command: ObjectCommand, args: readonly string[]): CompiledObject {
  const file = `${placeInCache(tree, 'objects', command, args)}.o`;
  return { object: command.object, file, dependencies: `${file}.d` };
}
