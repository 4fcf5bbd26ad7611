// Headers of numbers that assembly uses (asm-offsets.h, bounds.h): the compiler makes a listing of a C file that is never linked, and sed takes the
// numbers out of it. No object shows it when a patched header changes one of them, so the listing is made again and its numbers are compared.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@resplice/report';
import { isMissing, type WorkOptions } from '../debian/store.js';
import { normalizePath } from './compile-database.js';
import { mapParallel, runCompiler } from './compiler-run.js';
import { recipeWords } from './generated-files.js';
import type { PreparedTree } from './prepare-tree.js';
import { parseShellStatement } from './shell-words.js';

export interface OffsetListing {
  /** For example `kernel/bounds.s`. */
  readonly listing: string;
  /** The header that is made from it. */
  readonly header: string;
  readonly source: string;
}

export interface ChangedNumber {
  readonly header: string;
  readonly name: string;
  /** As the listing has them; undefined on the side that has none. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** All of the tree's, by what its recorded commands read. */
export function findListings({ database }: Pick<PreparedTree, 'database'>): readonly OffsetListing[] {
  return database.generated.flatMap(({ targets, command }) => {
    const header = targets.find((target) => target.endsWith('.h'));
    if (header === undefined || !/(?:^|[\s;{])sed /.test(command)) return [];
    return recipeWords(command)
      .filter((word) => word.endsWith('.s'))
      .map((listing) => ({ listing, header, source: listing.replace(/\.s$/, '.c') }));
  });
}

/** Whether the listing is of one of the files, or its source includes it; kbuild has noted which it reads. */
export async function readsAny(
  tree: Pick<PreparedTree, 'directory'>,
  { listing, source }: OffsetListing,
  paths: readonly string[],
): Promise<boolean> {
  if (paths.includes(source)) return true;
  const notes = (await readNote(tree, listing, 'cmd')) ?? (await readNote(tree, listing, 'd'));
  if (notes === undefined) return true;
  const read = new Set(notes.split(/[\s\\]+/).map((word) => normalizePath(word)));
  return paths.some((path) => read.has(path));
}

/**
 * Numbers that come out otherwise in the patched sources.
 * @throws InputError `does-not-compile`
 */
export async function findChangedNumbers(
  tree: PreparedTree,
  directory: string,
  listings: readonly OffsetListing[],
  { signal }: Pick<WorkOptions, 'signal'>,
): Promise<readonly ChangedNumber[]> {
  const sides = listings.flatMap((listing) =>
    [tree.directory, directory].map((place) => [listing, place] as const),
  );
  const made = await mapParallel(sides, undefined, signal, async ([listing, place], stop) =>
    readNumbers(await makeListing(tree, listing, place, stop)),
  );
  return listings.flatMap(({ header }, at) => {
    const [before = new Map<string, string>(), after = new Map<string, string>()] = made.slice(
      2 * at,
      2 * at + 2,
    );
    return [...new Set([...before.keys(), ...after.keys()])]
      .filter((name) => before.get(name) !== after.get(name))
      .map((name) => ({ header, name, before: before.get(name), after: after.get(name) }));
  });
}

/** Name → number, of lines such as `.ascii "->TASK_threadsp $5440 offsetof(struct task_struct, thread.sp)"`. */
export function readNumbers(listing: string): ReadonlyMap<string, string> {
  const lines = listing.matchAll(/^\s*\.ascii\s*"->(\w+) [$#]*(\S*)/gm);
  return new Map([...lines].map(([, name = '', number = '']) => [name, number]));
}

/** A recorded command with its output on standard output, and without what it writes beside it: the file may be one that slots share. */
export function listingCommand(command: string): readonly string[] {
  const { words } = parseShellStatement(command, 0);
  const output = words.indexOf('-o');
  return words
    .map((word, at) => (at === output + 1 && output >= 0 ? '-' : word))
    .filter((word) => !/^-Wp,-MM?D/.test(word));
}

async function makeListing(
  tree: PreparedTree,
  { listing, source }: OffsetListing,
  directory: string,
  signal: AbortSignal,
): Promise<string> {
  const recorded = tree.database.generated.find(({ targets }) => targets.includes(listing))?.command;
  const command = recorded ?? readCommand(await readNote(tree, listing, 'cmd'));
  if (command === undefined) throw new Error(`how ${listing} is made is not recorded`);
  const run = await runCompiler(directory, listingCommand(command), signal);
  if (run.status === 0) return run.stdout.toString('latin1');
  throw new InputError(
    'does-not-compile',
    `${source} does not compile:\n${run.stderr.trim().slice(0, 4000)}`,
    {
      context: { source },
    },
  );
}

/** `cmd_kernel/bounds.s := gcc …`, since Linux 6.3 `savedcmd_…`. */
function readCommand(notes: string | undefined): string | undefined {
  return notes === undefined ? undefined : /^(?:saved)?cmd_\S+ := (.*)$/m.exec(notes)?.[1];
}

async function readNote(
  tree: Pick<PreparedTree, 'directory'>,
  listing: string,
  kind: 'cmd' | 'd',
): Promise<string | undefined> {
  const at = listing.lastIndexOf('/') + 1;
  try {
    return await readFile(
      join(tree.directory, listing.slice(0, at), `.${listing.slice(at)}.${kind}`),
      'utf8',
    );
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
