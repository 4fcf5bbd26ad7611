// Follows a changed header to every object that may see it. Three steps, from fast and wide to slow and exact:
//   findIncluders      the stored index, conditionals ignored but for the configuration's: misses no object, names some too many
//   narrowIncluders    gcc -M on those, worth it while they are few: exact for the unpatched tree
//   findOtherTexts     (preprocess.ts) compares the preprocessed text before and after: exact for the patch itself
// Rejected: only gcc -M for all 13,600 objects (an hour), or the .d files of a full build (there is none).

import { InputError } from '@resplice/report';
import type { WorkOptions } from '../debian/store.js';
import { normalizePath } from './compile-database.js';
import { compileArguments, requireCommand } from './compile-objects.js';
import { mapParallel, runCompiler } from './compiler-run.js';
import { ANY_DIRECTORY, besidePath, type IncludeIndexFile, readIndex } from './include-index.js';
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
  const index = readIndex(tree.home, tree.directory, tree.database);
  const graph = index.then((read) => new IndexedGraph(read));
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
  return parsePrerequisites(text).filter((path) => !path.startsWith('/'));
}

/** All prerequisites: paths in the tree, and absolute ones. */
export function parsePrerequisites(text: string): readonly string[] {
  const rule = text.replaceAll('\\\n', ' ');
  const colon = rule.indexOf(': ');
  if (colon < 0) throw new InputError('bad-dependencies', `not a dependency rule: "${text.slice(0, 80)}"`);
  const paths = rule.slice(colon + 1).split(/\s+/);
  return paths.filter((path) => path !== '').map((path) => normalizePath(path));
}

/** The index has such headers where a name in a macro can be any file's; the compiler of this machine never finds them. */
export function isOtherMachine(path: string): boolean {
  return /^arch\/(?!x86\/)[^/]+\//.test(path);
}

type Place = IncludeIndexFile['objects'][number];
/** Files, each followed by the directory in which the one is found by the other. */
type Steps = readonly number[];

class IndexedGraph implements IncludeGraph {
  readonly #file: IncludeIndexFile;
  readonly #ids: ReadonlyMap<string, number>;
  /** Of each file what it may include, and what may include it. */
  readonly #included: Steps[] = [];
  #includers: readonly Steps[] | undefined;

  constructor(file: IncludeIndexFile) {
    this.#file = file;
    this.#ids = new Map(file.files.map((path, id) => [path, id]));
  }

  readonly findIncluders = (headers: readonly string[]): readonly string[] => {
    const start = headers.flatMap((header) => this.#startingPoints(header));
    const includers = this.#reverse();
    const found = new Set<string>();
    for (const [search, objects] of this.#bySearch(this.#file.objects)) {
      const reached = this.#reach(start, (id) => includers[id] ?? [], search);
      for (const [object, , ...files] of objects)
        if (files.some((id) => reached[id] === 1)) found.add(object);
    }
    return this.#file.objects.map(([object]) => object).filter((object) => found.has(object));
  };

  readonly isIncluded = (path: string, isNew: boolean): boolean =>
    !isOtherMachine(path) && (isNew ? this.#startingPoints(path).length > 0 : this.#ids.has(path));

  readonly findIncluded = (object: string): ReadonlySet<string> => {
    const [, search = 0, ...files] = this.#file.objects.find(([name]) => name === object) ?? [];
    return this.#paths([this.#reach(files, this.#targets, search)]);
  };

  readonly findAllIncluded = (objects: readonly string[]): ReadonlySet<string> => {
    const wanted = new Set(objects);
    const places = this.#file.objects.filter(([object]) => wanted.has(object));
    const reached = [...this.#bySearch(places)].map(([search, some]) => {
      const isSeen = this.#seenBy(search);
      const start: number[] = [];
      for (const [, , source, ...forced] of some) {
        start.push(...forced);
        visitSeen(this.#targets(source), isSeen, (id) => start.push(id));
      }
      return this.#reach(start, this.#targets, search);
    });
    return this.#paths(reached);
  };

  #paths(reached: readonly Uint8Array[]): ReadonlySet<string> {
    return new Set(this.#file.files.filter((_, id) => reached.some((each) => each[id] === 1)));
  }

  /** Objects that look in the same directories. */
  #bySearch(objects: readonly Place[]): ReadonlyMap<number, readonly Place[]> {
    const groups = new Map<number, Place[]>();
    for (const place of objects) {
      const group = groups.get(place[1]);
      if (group === undefined) groups.set(place[1], [place]);
      else group.push(place);
    }
    return groups;
  }

  /** Whether objects of that search find what is in a directory. */
  #seenBy(search: number): (directory: number) => boolean {
    const directories = new Set(this.#file.searches[search]).add(ANY_DIRECTORY);
    return (directory) => directories.has(directory);
  }

  /** Marks 1 for each file that is reached. */
  #reach(from: readonly number[], next: (id: number) => Steps, search: number): Uint8Array {
    const isSeen = this.#seenBy(search);
    const reached = new Uint8Array(this.#file.files.length);
    const queue: number[] = [];
    const reach = (id: number): void => {
      if (reached[id] === 1) return;
      reached[id] = 1;
      queue.push(id);
    };
    for (const id of from) reach(id);
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) visitSeen(next(id), isSeen, reach);
    return reached;
  }

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

  #reverse(): readonly Steps[] {
    if (this.#includers !== undefined) return this.#includers;
    const includers: number[][] = this.#file.files.map(() => []);
    for (let id = 0; id < this.#file.files.length; id++)
      visitSteps(this.#targets(id), (target, directory) => includers[target]?.push(id, directory));
    this.#includers = includers;
    return includers;
  }

  readonly #targets = (id: number): Steps => {
    const known = this.#included[id];
    if (known !== undefined) return known;
    const path = this.#file.files[id] ?? '';
    const targets = (this.#file.includes[id] ?? []).flatMap((nameId) => {
      const [style, name, ...found] = this.#file.names[nameId] ?? [0, ''];
      const beside = style === 0 ? this.#ids.get(besidePath(path, name)) : undefined;
      return beside === undefined ? found : [beside, ANY_DIRECTORY];
    });
    this.#included[id] = targets;
    return targets;
  };
}

function visitSteps(steps: Steps, visit: (file: number, directory: number) => void): void {
  for (let at = 0; at < steps.length; at += 2) visit(steps[at] ?? 0, steps[at + 1] ?? ANY_DIRECTORY);
}

function visitSeen(
  steps: Steps,
  isSeen: (directory: number) => boolean,
  visit: (file: number) => void,
): void {
  visitSteps(steps, (file, directory) => {
    if (isSeen(directory)) visit(file);
  });
}
