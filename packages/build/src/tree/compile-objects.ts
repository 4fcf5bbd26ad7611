// Compiles single objects by their recorded commands. What differs from kbuild: the object and its dependency file go where
// the caller wants them, debug information is left out (a quarter of the time; the code is the same bytes), each function and
// variable gets a section of its own, and objtool does not run: raw compiler output is what gets compared, on every kernel alike.

import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InputError } from '@resplice/report';
import { exists } from '../debian/store.js';
import type { ObjectCommand } from './compile-database.js';
import { type CompilerRun, mapParallel, runCompiler } from './compiler-run.js';
import type { PreparedTree } from './prepare-tree.js';

/** One section per function and variable: what makes a changed function separable from its neighbours. */
export const SECTION_FLAGS: readonly string[] = ['-ffunction-sections', '-fdata-sections'];

export interface CompileOptions {
  /** Added behind the recorded flags; {@link SECTION_FLAGS} when left out. */
  readonly extraFlags?: readonly string[];
  /** Keep debug information; false when left out. */
  readonly debug?: boolean;
  /** Compilers at once; one per processor when left out. */
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  readonly onDone?: (object: string) => void;
}

export interface CompileRequest extends CompileOptions {
  /** Root of the sources: the tree's or a slot's directory. */
  readonly directory: string;
  /** Names as in the compile database. */
  readonly objects: readonly string[];
  /** Directory that receives `net/core/sock.o` and `net/core/sock.o.d`. */
  readonly output: string;
}

export interface CompiledObject {
  readonly object: string;
  readonly file: string;
  /** Make-style list of everything that was read. */
  readonly dependencies: string;
}

const MAX_MESSAGE = 6000;

/**
 * Compiles the objects and returns them in the order asked for.
 * @throws InputError `not-built` for an unknown object, `does-not-compile` with gcc's own words.
 */
export async function compileObjects(
  tree: PreparedTree,
  request: CompileRequest,
): Promise<readonly CompiledObject[]> {
  const commands = request.objects.map((object) => requireCommand(tree, object));
  return mapParallel(commands, request.jobs, request.signal, async (command, signal) => {
    const file = join(request.output, command.object);
    const compiled = { object: command.object, file, dependencies: `${file}.d` };
    await mkdir(dirname(file), { recursive: true });
    await compileOne(request.directory, command, compiled, compileArguments(command, request), signal);
    request.onDone?.(command.object);
    return compiled;
  });
}

/**
 * Asks the compiler whether the objects compile, in a third of the time.
 * @throws InputError as {@link compileObjects}
 */
export async function checkSyntax(
  tree: PreparedTree,
  request: Omit<CompileRequest, 'output'>,
): Promise<void> {
  const commands = request.objects.map((object) => requireCommand(tree, object));
  await mapParallel(commands, request.jobs, request.signal, async (command, signal) => {
    const words = [...compileArguments(command, request), '-fsyntax-only', command.sourceArgument];
    const run = await runCompiler(request.directory, words, signal);
    if (run.status !== 0) throw await complaintOf(request.directory, command, run);
    request.onDone?.(command.object);
  });
}

/** The recorded command of an object. @throws InputError `not-built`. */
export function requireCommand(tree: PreparedTree, object: string): ObjectCommand {
  const command = tree.database.find(object);
  if (command !== undefined) return command;
  const { release } = tree.identity;
  throw new InputError('not-built', `${object} is not built in the configuration of ${release}`, {
    context: { object },
  });
}

/** Compiler and flags, without input and outputs: what determines the object, given the sources. */
export function compileArguments(command: ObjectCommand, options: CompileOptions): readonly string[] {
  const recorded =
    options.debug === true ? command.arguments : command.arguments.filter((word) => !isDebugFlag(word));
  return [...recorded, ...(options.extraFlags ?? SECTION_FLAGS)];
}

/** Where the cache of a tree keeps what is made of an object's sources by these words, but for the ending. */
export function placeInCache(
  tree: PreparedTree,
  folder: 'objects' | 'patched' | 'preprocessed',
  command: ObjectCommand,
  args: readonly string[],
): string {
  const recipe = JSON.stringify([tree.key, command.object, command.sourceArgument, args]);
  const key = createHash('sha256').update(recipe).digest('hex');
  return join(tree.home, folder, key.slice(0, 2), key);
}

export async function compileOne(
  directory: string,
  command: ObjectCommand,
  outputs: { readonly file: string; readonly dependencies: string },
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const words = [...args, '-MMD', '-MF', outputs.dependencies, '-MT', command.object];
  const run = await runCompiler(
    directory,
    [...words, '-c', '-o', outputs.file, command.sourceArgument],
    signal,
  );
  if (run.status !== 0) throw await complaintOf(directory, command, run);
}

async function complaintOf(directory: string, command: ObjectCommand, run: CompilerRun): Promise<InputError> {
  if (!(await exists(join(directory, command.source)))) {
    return new InputError(
      'source-missing',
      `${command.object}: its source ${command.source} does not exist in ${directory}`,
      {
        context: { object: command.object, source: command.source },
      },
    );
  }
  const complaint = run.stderr.trim().slice(0, MAX_MESSAGE) || `the compiler ended with status ${run.status}`;
  return new InputError('does-not-compile', `${command.source} does not compile:\n${complaint}`, {
    context: { object: command.object, source: command.source },
  });
}

/** `-g`, `-g1`, `-gdwarf-5`, `-gz`, and the assembler's `-Wa,-gdwarf-2`; not `-gno-…`, which switch off. */
function isDebugFlag(word: string): boolean {
  return /^-(?:Wa,-)?g(?:\d|gdb\d?|dwarf(?:-\d)?|split-dwarf|z(?:=\w+)?)?$/.test(word);
}
