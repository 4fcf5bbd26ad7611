// Follows a changed header to every object that may see it. Three steps, from fast and wide to slow and exact:
//   findIncluders      the stored index, conditionals ignored but for the configuration's: never misses an object, names some too many
//   narrowIncluders    gcc -M on those, worth it while they are few: exact for the unpatched tree
//   findOtherTexts     (preprocess.ts) compares the preprocessed text before and after: exact for the patch itself
// Rejected: only gcc -M for all 13,600 objects (an hour), or the .d files of a full build (there is none).

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@resplice/report';
import type { WorkOptions } from '../debian/store.js';
import { normalizePath } from './compile-database.js';
import { compileArguments, requireCommand } from './compile-objects.js';
import { mapParallel, runCompiler } from './compiler-run.js';
import { besidePath, INCLUDE_INDEX_FORMAT, type IncludeIndexFile } from './include-index.js';
import type { PreparedTree } from './prepare-tree.js';

export interface IncludeGraph {
  readonly findIncluders: (headers: readonly string[]) => readonly string[];
  /** Whether some object may include the file, or be compiled from it. A file that is not new is included where it has always been. */
  readonly isIncluded: (path: string, isNew: boolean) => boolean;
  /** Every file that the object may include, directly or not, with its source. */
  readonly findIncluded: (object: string) => ReadonlySet<string>;
  /** Every file that one of the objects may include; their sources only where another one includes them. */
  readonly findAllIncluded: (objects: readonly string[]) => ReadonlySet<string>;
}

/** The objects of this configuration that may include any of the headers, in build order. Headers may be new or about to go. */
export async function findIncluders(
  tree: PreparedTree,
  headers: readonly string[],
): Promise<readonly string[]> {
  return (await readIncludeGraph(tree)).findIncluders(headers);
}

/** The graph of a tree, read once for each prepared tree. */
export function readIncludeGraph(tree: PreparedTree): Promise<IncludeGraph> {
  const known = GRAPHS.get(tree);
  if (known !== undefined) return known;
  const graph = readFile(join(tree.home, 'includes.json'), 'utf8').then(
    (text) => new IndexedGraph(JSON.parse(text) as IncludeIndexFile),
  );
  GRAPHS.set(tree, graph);
  graph.catch(() => GRAPHS.delete(tree));
  return graph;
}

const GRAPHS = new WeakMap<PreparedTree, Promise<IncludeGraph>>();

/** Those of the objects that really read one of the files when they are compiled from `directory`: gcc -M on each, about 0.3 s apiece. */
export async function narrowIncluders(
  tree: PreparedTree,
  directory: string,
  objects: readonly string[],
  files: readonly string[],
  options: WorkOptions & { readonly jobs?: number } = {},
): Promise<readonly string[]> {
  const wanted = new Set(files);
  const hits = await mapParallel(objects, options.jobs, options.signal, async (object, signal) => {
    const read = await listDependencies(tree, directory, object, signal);
    return read.some((path) => wanted.has(path)) ? [object] : [];
  });
  return hits.flat();
}

/** Every file below the tree that compiling the object reads. @throws InputError `does-not-preprocess`. */
export async function listDependencies(
  tree: PreparedTree,
  directory: string,
  object: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const command = requireCommand(tree, object);
  const words = [
    ...compileArguments(command, { extraFlags: [] }),
    '-M',
    '-MT',
    'object',
    command.sourceArgument,
  ];
  const run = await runCompiler(directory, words, signal);
  if (run.status === 0) return parseDependencies(run.stdout.toString('utf8'));
  throw new InputError(
    'does-not-preprocess',
    `${command.source} cannot be preprocessed:\n${run.stderr.trim().slice(0, 4000)}`,
    {
      context: { object },
    },
  );
}

/** The prerequisites in a make rule as gcc writes it, without those outside the tree. */
export function parseDependencies(text: string): readonly string[] {
  const rule = text.replaceAll('\\\n', ' ');
  const colon = rule.indexOf(': ');
  if (colon < 0) throw new InputError('bad-dependencies', `not a dependency rule: "${text.slice(0, 80)}"`);
  const paths = rule.slice(colon + 1).split(/\s+/);
  return paths.filter((path) => path !== '' && !path.startsWith('/')).map((path) => normalizePath(path));
}

/** The index has such headers where a name in a macro can be any file's; the compiler of this machine never finds them. */
export function isOtherMachine(path: string): boolean {
  return /^arch\/(?!x86\/)[^/]+\//.test(path);
}

class IndexedGraph implements IncludeGraph {
  readonly #file: IncludeIndexFile;
  readonly #ids: ReadonlyMap<string, number>;
  #includers: readonly number[][] | undefined;

  constructor(file: IncludeIndexFile) {
    if (file.format !== INCLUDE_INDEX_FORMAT)
      throw new InputError('old-index', 'the include index is of another version');
    this.#file = file;
    this.#ids = new Map(file.files.map((path, id) => [path, id]));
  }

  readonly findIncluders = (headers: readonly string[]): readonly string[] => {
    const reached = new Set<number>();
    const queue: number[] = [];
    const reach = (id: number): void => {
      if (reached.has(id)) return;
      reached.add(id);
      queue.push(id);
    };
    for (const header of headers) for (const id of this.#startingPoints(header)) reach(id);
    const includers = this.#reverse();
    for (let id = queue.pop(); id !== undefined; id = queue.pop())
      for (const by of includers[id] ?? []) reach(by);
    return this.#file.objects
      .filter(([, ...files]) => files.some((id) => typeof id === 'number' && reached.has(id)))
      .map(([object]) => object);
  };

  readonly isIncluded = (path: string, isNew: boolean): boolean =>
    !isOtherMachine(path) && (isNew ? this.#startingPoints(path).length > 0 : this.#ids.has(path));

  readonly findIncluded = (object: string): ReadonlySet<string> => {
    const entry = this.#file.objects.find(([name]) => name === object);
    const reached = new Set<number>();
    const queue = (entry?.slice(1) ?? []) as number[];
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      if (reached.has(id)) continue;
      reached.add(id);
      queue.push(...this.#targets(id));
    }
    return new Set([...reached].map((id) => this.#file.files[id] ?? ''));
  };

  readonly findAllIncluded = (objects: readonly string[]): ReadonlySet<string> => {
    const wanted = new Set(objects);
    const reached = new Set<number>();
    const queue: number[] = [];
    for (const [object, source, ...forced] of this.#file.objects)
      if (wanted.has(object)) queue.push(...this.#targets(source), ...(forced as number[]));
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      if (reached.has(id)) continue;
      reached.add(id);
      for (const target of this.#targets(id)) if (!reached.has(target)) queue.push(target);
    }
    return new Set([...reached].map((id) => this.#file.files[id] ?? ''));
  };

  /** The file itself; for a new one, every file that asks for a name that it answers, perhaps before the file that answered so far. */
  #startingPoints(header: string): readonly number[] {
    const known = this.#ids.get(header);
    if (known !== undefined) return [known];
    const answered = new Set<number>();
    for (const [id, [, name]] of this.#file.names.entries()) {
      const plain = name.replace(/^(?:\.\.?\/)+/, '');
      if (header === plain || header.endsWith(`/${plain}`)) answered.add(id);
    }
    return this.#file.includes.flatMap((names, file) =>
      names.some((name) => answered.has(name)) ? [file] : [],
    );
  }

  #reverse(): readonly number[][] {
    if (this.#includers !== undefined) return this.#includers;
    const includers: number[][] = this.#file.files.map(() => []);
    for (let id = 0; id < this.#file.files.length; id++)
      for (const target of this.#targets(id)) includers[target]?.push(id);
    this.#includers = includers;
    return includers;
  }

  #targets(id: number): readonly number[] {
    const path = this.#file.files[id] ?? '';
    return (this.#file.includes[id] ?? []).flatMap((nameId) => {
      const [style, name, ...targets] = this.#file.names[nameId] ?? [0, ''];
      const beside = style === 0 ? this.#ids.get(besidePath(path, name)) : undefined;
      return beside === undefined ? targets : [beside];
    });
  }
}
