// What changed build rules come to, by asking the rules themselves: `make -n` of the directories whose Makefile changes, in the slot that holds the
// patched sources, gives the commands as they would be now; kconfig gives the options. From the difference with the recorded
// commands follow objects that are new, and objects that are compiled with other flags.
//
// Rejected: understanding Makefiles by their text, which build-rule.ts does where it is obvious and where no start of make is worth it.

import { copyFile, mkdtemp, readFile, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EnvironmentError, InputError, type Reason } from '@resplice/report';
import type { WorkOptions } from '../debian/store.js';
import { isMissing } from '../debian/store.js';
import { type CompileDatabase, moduleNameOf, normalizePath, type ObjectCommand } from './compile-database.js';
import { parseKernelConfig } from './kernel-config.js';
import { Make } from './make.js';
import { readRecipes } from './make-log.js';
import type { PreparedTree } from './prepare-tree.js';
import type { Recipe } from './recipe.js';
import type { Slot } from './slot.js';

export interface PatchedRules {
  /** The recorded commands, with those that the patched rules give where they differ. */
  readonly database: CompileDatabase;
  /** Objects that only the patched rules build into the kernel or one of its modules. */
  readonly added: readonly string[];
  /** Objects that are compiled with other flags. */
  readonly recompiled: readonly string[];
  /** Sources of modules that this kernel does not have. */
  readonly notBuilt: readonly string[];
  readonly reasons: readonly Reason[];
}

/** A Makefile of one directory; the top one, and those of scripts/ and arch/, steer the whole build. */
export function isDirectoryRule(path: string): boolean {
  const [top = '', ...rest] = path.split('/');
  return /\/(?:Makefile|Kbuild)$/.test(path) && top !== 'scripts' && !(top === 'arch' && rest.length < 3);
}

export function isOptionRule(path: string): boolean {
  return /(?:^|\/)Kconfig[^/]*$/.test(path);
}

/** @param rules paths for which one of the two above is true */
export async function readPatchedRules(
  tree: PreparedTree,
  slot: Slot,
  rules: readonly string[],
  { signal }: WorkOptions,
): Promise<PatchedRules> {
  const make = new Make(slot.directory, tree.compiler, signal);
  const options = rules.filter(isOptionRule);
  const reasons = options.length === 0 ? [] : await compareOptions(tree, make, options);
  const directories = [...new Set(rules.filter(isDirectoryRule).map((path) => dirname(path)))];
  if (reasons.length > 0 || directories.length === 0) return { ...unchanged(tree), reasons };
  // make -n remakes what it includes; an option file that looks newer than the configuration would have it configured again.
  for (const path of options) await age(join(slot.directory, path));
  const recipes = await readRecipes(slot.directory, {
    makeArguments: [...make.variables, ...directories.map((directory) => `${directory}/`)],
    compiler: tree.compiler.command,
    environment: make.environment,
    signal,
  });
  return compareRecipes(tree, recipes, directories);
}

function unchanged(tree: PreparedTree): PatchedRules {
  return { database: tree.database, added: [], recompiled: [], notBuilt: [], reasons: [] };
}

async function age(file: string): Promise<void> {
  try {
    await utimes(file, 1, 1);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** The configuration of the kernel, completed by the patched option files, must come out as it is. */
async function compareOptions(
  tree: PreparedTree,
  make: Make,
  files: readonly string[],
): Promise<readonly Reason[]> {
  const directory = await mkdtemp(join(tmpdir(), 'resplice-config-'));
  try {
    const config = join(directory, '.config');
    await copyFile(join(tree.directory, '.config'), config);
    await configure(make, config);
    const read = async (file: string) => parseKernelConfig(await readFile(file, 'utf8'));
    const [before, after] = [await read(join(tree.directory, '.config')), await read(config)];
    const names = new Set([...before.keys(), ...after.keys()]);
    const changed = [...names].filter((name) => before.get(name) !== after.get(name));
    if (changed.length === 0) return [];
    const named = changed
      .slice(0, 4)
      .map((name) => `${name} from ${before.get(name) ?? 'unset'} to ${after.get(name) ?? 'unset'}`);
    const found = `with it the kernel would be configured otherwise: ${named.join(', ')}`;
    return files.map((file): Reason => ({ code: 'patch-changes-build', subject: { file }, found }));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** @throws InputError `does-not-compile` when the patched option files do not fit together: one that is removed and still named elsewhere */
async function configure(make: Make, config: string): Promise<void> {
  try {
    await make.run(['-s', 'olddefconfig', `KCONFIG_CONFIG=${config}`]);
  } catch (error) {
    if (!(error instanceof EnvironmentError) || error.code !== 'tool-failed') throw error;
    throw new InputError(
      'does-not-compile',
      `the patched kernel cannot be configured:\n${error.message.replace(/^\w+ failed \(.*?\): /, '')}`,
      {
        cause: error,
      },
    );
  }
}

/** Pure: the commands of a dry run against the recorded ones. */
export function compareRecipes(
  tree: Pick<PreparedTree, 'database'>,
  recipes: readonly Recipe[],
  directories: readonly string[],
): PatchedRules {
  const { database } = tree;
  const overrides = new Map<string, ObjectCommand>();
  const [added, recompiled, notBuilt]: [string[], string[], string[]] = [[], [], []];
  const reasons: Reason[] = [];
  const refuse = (object: string, found: string) =>
    reasons.push({ code: 'patch-changes-build', subject: { object }, found });
  const compiled = new Set<string>();
  for (const recipe of recipes) {
    if (recipe.kind !== 'compile') continue;
    const command = toCommand(recipe, recipes, database);
    const { object } = command;
    if (!directories.some((directory) => object.startsWith(`${directory}/`))) continue;
    compiled.add(object);
    const recorded = database.find(object);
    if (recorded === undefined) {
      if (command.place === 'aside') notBuilt.push(command.source);
      else added.push(object);
    } else if (recorded.modules.join() !== command.modules.join()) {
      refuse(object, 'it becomes part of another module');
    } else if (recorded.arguments.join('\0') !== command.arguments.join('\0')) {
      recompiled.push(object);
    } else continue;
    overrides.set(object, { ...command, place: recorded?.place ?? command.place });
  }
  for (const object of database.objects()) {
    const isHere = directories.includes(dirname(object)) && database.find(object)?.place !== 'aside';
    if (isHere && !compiled.has(object))
      refuse(object, 'it is no longer built, and the running kernel has it');
  }
  return { database: database.with(overrides), added, recompiled, notBuilt, reasons };
}

function toCommand(
  recipe: Extract<Recipe, { kind: 'compile' }>,
  recipes: readonly Recipe[],
  database: CompileDatabase,
): ObjectCommand {
  const [object, source] = [normalizePath(recipe.object), normalizePath(recipe.source)];
  const modules = recipes.flatMap((each) =>
    each.kind === 'module' && each.members.includes(object) ? [moduleNameOf(each.path)] : [],
  );
  return {
    object,
    source,
    sourceArgument: recipe.source,
    arguments: recipe.arguments,
    objtool: recipe.objtool,
    kind: /\.[sS]$/.test(source) ? 'asm' : 'c',
    place: modules.length > 0 ? placeInModules(modules, database) : placeInKernel(object, recipes, database),
    modules,
  };
}

/** A module that the kernel does not have yet is loaded from a file, not brought by an update. */
function placeInModules(modules: readonly string[], database: CompileDatabase): ObjectCommand['place'] {
  return modules.every((name) => database.modules.has(name)) ? 'module' : 'aside';
}

/** Linked where the objects are linked that stand beside it in its archive. */
function placeInKernel(
  object: string,
  recipes: readonly Recipe[],
  database: CompileDatabase,
): ObjectCommand['place'] {
  const archive = recipes.find((each) => each.kind === 'archive' && each.members.includes(object));
  const beside = archive?.kind === 'archive' ? archive.members : [];
  for (const member of beside) {
    const place = database.find(member)?.place;
    if (place === 'vmlinux' || place === 'library') return place;
  }
  return 'aside';
}
