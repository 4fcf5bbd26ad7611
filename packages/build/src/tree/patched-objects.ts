// Objects of patched sources, kept with what the compiler read of the patches: for another engine, with code that an author adds, or in the next
// cumulative update, only what that alone changes is compiled. The shipped tree is part of the key, so what the patches leave alone needs no
// look. A new file counts when it has the name of one that was read, in whose place it might be found.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isMissing, readDirectory, readJson, writeWhole } from '../debian/store.js';
import {
  type CompiledObject,
  type CompileRequest,
  compileArguments,
  compileOne,
  placeInCache,
  requireCommand,
} from './compile-objects.js';
import { mapParallel } from './compiler-run.js';
import { parsePrerequisites } from './include-graph.js';
import type { PreparedTree } from './prepare-tree.js';
import type { Slot } from './slot.js';

/** Of one object with the same flags. */
const MOST_KEPT = 4;

/** An object file's neighbour in the cache. */
interface KeptObject {
  /** All that was read: paths in the tree, and absolute ones. */
  readonly reads: readonly string[];
  /** Of those, the hash of each that is not the tree's own. */
  readonly contents: Readonly<Record<string, string>>;
  /** Files that the patches had made or removed. */
  readonly moved: readonly string[];
}

/**
 * {@link compileObjects} from a slot, in which objects whose inputs are those of an earlier time are copied instead of compiled.
 * @throws InputError as compileObjects
 */
export async function compileInSlot(
  tree: PreparedTree,
  slot: Slot,
  request: Omit<CompileRequest, 'directory'>,
): Promise<readonly Pick<CompiledObject, 'object' | 'file'>[]> {
  const inputs = await Inputs.read(tree, slot);
  const commands = request.objects.map((object) => requireCommand(tree, object));
  return mapParallel(commands, request.jobs, request.signal, async (command, signal) => {
    const { object, kind } = command;
    const args = compileArguments(command, request);
    const file = join(request.output, object);
    const compiled = { object, file, dependencies: `${file}.d` };
    await mkdir(dirname(file), { recursive: true });
    // What an assembly file takes in by .incbin, the compiler does not say.
    const home = kind === 'asm' ? undefined : placeInCache(tree, 'patched', command, args);
    if (home === undefined || !(await takeKept(home, inputs, file))) {
      await compileOne(slot.directory, command, compiled, args, signal);
      if (home !== undefined) await keep(home, inputs, compiled);
    }
    request.onDone?.(object);
    return compiled;
  });
}

/** What the sources of a slot are, where they are not the tree's. */
class Inputs {
  /** Path in the tree → hash; null for a file that is removed. */
  readonly #changed = new Map<string, string | null>();
  readonly #outside = new Map<string, Promise<string | null>>();
  readonly moved = new Set<string>();

  static async read(tree: PreparedTree, slot: Slot): Promise<Inputs> {
    const inputs = new Inputs();
    for (const path of slot.touched()) {
      const [before, now] = await Promise.all(
        [tree, slot].map((side) => hashFile(join(side.directory, path))),
      );
      if (before === now || now === undefined) continue;
      inputs.#changed.set(path, now);
      if (before === null || now === null) inputs.moved.add(path);
    }
    return inputs;
  }

  /** Undefined for a file of the tree that is as it was. */
  async hashOf(path: string): Promise<string | null | undefined> {
    if (!path.startsWith('/')) return this.#changed.get(path);
    const known = this.#outside.get(path) ?? hashFile(path);
    this.#outside.set(path, known);
    return known;
  }

  async list(reads: readonly string[]): Promise<KeptObject> {
    const contents: Record<string, string> = {};
    for (const path of reads) {
      const hash = await this.hashOf(path);
      if (typeof hash === 'string') contents[path] = hash;
    }
    return { reads, contents, moved: [...this.moved].sort() };
  }

  async equal({ reads, contents, moved }: KeptObject): Promise<boolean> {
    for (const path of reads) if ((await this.hashOf(path)) !== contents[path]) return false;
    const names = new Set(reads.map((path) => basename(path)));
    const before = new Set(moved);
    const differing = [
      ...moved.filter((path) => !this.moved.has(path)),
      ...[...this.moved].filter((path) => !before.has(path)),
    ];
    return !differing.some((path) => names.has(basename(path)));
  }
}

/** Copies one whose inputs are these to `file`; false when there is none. */
async function takeKept(home: string, inputs: Inputs, file: string): Promise<boolean> {
  for (const name of await listKept(home)) {
    const kept = (await readJson(join(home, name))) as KeptObject | undefined;
    if (kept === undefined || !(await inputs.equal(kept))) continue;
    try {
      await copyFile(objectOf(home, name), file);
      const now = new Date();
      await utimes(join(home, name), now, now);
      return true;
    } catch (error) {
      // Another process made room meanwhile.
      if (!isMissing(error)) throw error;
    }
  }
  return false;
}

/** The object first: its description says that it is whole. */
async function keep(home: string, inputs: Inputs, { file, dependencies }: CompiledObject): Promise<void> {
  const kept = await inputs.list(parsePrerequisites(await readFile(dependencies, 'utf8')));
  const text = JSON.stringify(kept);
  const name = `${createHash('sha256').update(text).digest('hex')}.json`;
  await mkdir(home, { recursive: true });
  await makeRoom(home);
  await writeWhole(objectOf(home, name), await readFile(file));
  await writeWhole(join(home, name), text);
}

/** For one more: those that were not asked for longest go. */
async function makeRoom(home: string): Promise<void> {
  const names = await listKept(home);
  if (names.length < MOST_KEPT) return;
  const aged = await Promise.all(names.map(async (name) => ({ name, used: await timeOf(join(home, name)) })));
  aged.sort((a, b) => b.used - a.used);
  for (const { name } of aged.slice(MOST_KEPT - 1))
    for (const file of [join(home, name), objectOf(home, name)]) await rm(file, { force: true });
}

/** 0 when another process removed it meanwhile. */
async function timeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

async function listKept(home: string): Promise<readonly string[]> {
  return (await readDirectory(home)).filter((name) => /^[0-9a-f]+\.json$/.test(name));
}

function objectOf(home: string, name: string): string {
  return join(home, name.replace(/json$/, 'o'));
}

async function hashFile(path: string): Promise<string | null> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
