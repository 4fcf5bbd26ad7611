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

/** Tells of a path whether the listing is made of it, or its source includes it; kbuild has noted which it reads. */
export async function openReads(
  tree: Pick<PreparedTree, 'directory'>,
  { listing, source }: OffsetListing,
): Promise<(path: string) => boolean> {
  const notes = (await readNote(tree, listing, 'cmd')) ?? (await readNote(tree, listing, 'd'));
  if (notes === undefined) return () => true;
  const read = new Set(notes.split(/[\s\\]+/).map((word) => normalizePath(word)));
  return (path) => path === source || read.has(path);
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
  const changed = await mapParallel(listings, undefined, signal, async (listing, stop) => {
    const command = listingCommand(await readCommand(tree, listing));
    const before = readNumbers(await makeListing(tree.directory, listing, command, stop));
    const after = readNumbers(await makeListing(directory, listing, command, stop));
    return [...new Set([...before.keys(), ...after.keys()])]
      .filter((name) => before.get(name) !== after.get(name))
      .map((name) => ({
        header: listing.header,
        name,
        before: before.get(name),
        after: after.get(name),
      }));
  });
  return changed.flat();
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
  directory: string,
  { source }: OffsetListing,
  command: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const run = await runCompiler(directory, command, signal);
  if (run.status === 0) return run.stdout.toString('latin1');
  const complaint = run.stderr.trim().slice(0, 4000);
  throw new InputError('does-not-compile', `${source} does not compile:\n${complaint}`, {
    context: { source },
  });
}

/** As `make -n` showed it or, where the listing was made before, `cmd_kernel/bounds.s := gcc …`, since Linux 6.3 `savedcmd_…`. */
async function readCommand(tree: PreparedTree, { listing }: OffsetListing): Promise<string> {
  const recorded = tree.database.generated.find(({ targets }) => targets.includes(listing))?.command;
  const noted = async () =>
    /^(?:saved)?cmd_\S+ := (.*)$/m.exec((await readNote(tree, listing, 'cmd')) ?? '')?.[1];
  const command = recorded ?? (await noted());
  if (command === undefined) throw new Error(`how ${listing} is made is not recorded`);
  return command;
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
