// Some sources and headers only exist once kbuild has built what they come from: lib/crc32table.h, the ASN.1 parsers, the radeon
// register tables, the vdso images. `make modules_prepare` does not make them and single objects would fail to compile for
// want of them, so they are made once, at preparation, by the very commands that make -n recorded: those whose target is a
// source or header that is not there, and what those commands read in turn. Rejected: a real make of every such directory (minutes).

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EnvironmentError } from '@resplice/report';
import { runCommand } from '../debian/command.js';
import { exists } from '../debian/store.js';
import { type CompileDatabase, type GeneratedFile, normalizePath } from './compile-database.js';

const SOURCE = /\.(?:c|h|S|inc)$/;

export interface GenerateOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly onFile?: (target: string) => void;
}

/** Makes the missing generated sources of the tree and returns how many commands that took. */
export async function generateSources(
  directory: string,
  database: CompileDatabase,
  options: GenerateOptions,
): Promise<number> {
  const recipes = [...database.generated, ...compileRecipes(database)];
  const wanted = await selectRecipes(recipes, (path) => exists(join(directory, path)));
  for (const recipe of wanted) {
    options.onFile?.(recipe.targets.at(-1) ?? '');
    await runRecipe(directory, recipe, options);
  }
  return wanted.length;
}

/**
 * The recipes whose targets are missing sources, each after those that make what it reads.
 * What a recipe reads is told from its words: kbuild's commands name their inputs.
 */
export async function selectRecipes(
  recipes: readonly GeneratedFile[],
  isThere: (path: string) => Promise<boolean>,
): Promise<readonly GeneratedFile[]> {
  const makers = new Map<string, GeneratedFile[]>();
  for (const recipe of recipes) {
    for (const target of recipe.targets) makers.set(target, [...(makers.get(target) ?? []), recipe]);
  }
  const seen = new Set<string>();
  const ordered = new Set<GeneratedFile>();
  const choose = async (target: string): Promise<void> => {
    if (seen.has(target)) return;
    seen.add(target);
    if (!makers.has(target) || (await isThere(target))) return;
    // One target can have several makers, each adding to the file.
    for (const maker of makers.get(target) ?? []) {
      for (const input of recipeWords(maker.command)) await choose(input);
      ordered.add(maker);
    }
  };
  for (const target of makers.keys()) if (SOURCE.test(target)) await choose(target);
  return [...ordered];
}

/** The words of a shell command that could be paths. */
export function recipeWords(command: string): readonly string[] {
  return [...new Set(command.split(/[\s"'<>;()|&=,]+/))]
    .filter((word) => word.includes('.') || word.includes('/'))
    .map((word) => normalizePath(word));
}

/** Objects that are read by generators, such as those of the vdso. */
function* compileRecipes(database: CompileDatabase): Iterable<GeneratedFile> {
  for (const object of database.objects()) {
    const command = database.find(object);
    if (command?.place !== 'aside') continue;
    const words = [...command.arguments, '-c', '-o', object, command.sourceArgument];
    yield { targets: [object], command: words.map(quoteWord).join(' ') };
  }
}

async function runRecipe(directory: string, recipe: GeneratedFile, options: GenerateOptions): Promise<void> {
  for (const target of recipe.targets) await mkdir(join(directory, dirname(target)), { recursive: true });
  try {
    await runRecorded(directory, recipe.command, options);
  } catch (error) {
    const target = recipe.targets.join(', ');
    throw new EnvironmentError(
      'generate-failed',
      `cannot make the generated file ${target}: ${error instanceof Error ? error.message : String(error)}`,
      { context: { target }, cause: error },
    );
  }
}

/** Runs a recorded command of kbuild's with the variables that it expects from the top Makefile. */
export async function runRecorded(
  directory: string,
  command: string,
  { environment, signal }: Pick<GenerateOptions, 'environment' | 'signal'>,
): Promise<void> {
  await runCommand('sh', ['-c', `set -e; ${command}`], {
    directory,
    environment: { srctree: '.', objtree: '.', CONFIG_SHELL: 'sh', ...environment },
    signal,
  });
}

function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
