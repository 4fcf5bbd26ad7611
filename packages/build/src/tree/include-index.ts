// Who may include whom, for every file that an object of this configuration can reach: made once per tree in a few seconds,
// loaded when a patch touches a header. The names are stored as written, because a patch may also bring a new header, and then
// every file that asks for such a name is concerned. A name in quotes is looked for beside the including file first, as gcc does;
// otherwise below every directory that the object names with -I, whatever their order: fifty headers are called trace.h.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../debian/command.js';
import { readJson, writeWhole } from '../debian/store.js';
import { type CompileDatabase, normalizePath } from './compile-database.js';
import type { Configuration } from './include-condition.js';
import { type IncludeName, type IncludeStyle, type ScannedText, scanIncludes } from './include-scan.js';
import { parseKernelConfig } from './kernel-config.js';

const INCLUDE_INDEX_FORMAT = 3;
export const STYLES: readonly IncludeStyle[] = ['quoted', 'angled', 'traced', 'anywhere'];
/** In place of a directory: whatever the object names with -I. */
export const ANY_DIRECTORY = -1;

/** Indices point into `files`, `names` and `searches`. */
export interface IncludeIndexFile {
  readonly format: 3;
  readonly files: readonly string[];
  /** Each set of directories that an object names with -I, as numbers. */
  readonly searches: readonly (readonly number[])[];
  /** [style, name, ...files that it can be, apart from one beside the includer, each followed by the directory in which it is found]. */
  readonly names: readonly (readonly [number, string, ...number[]])[];
  /** For each file the names in it. */
  readonly includes: readonly (readonly number[])[];
  /** [object, search, source, ...files that its command includes with -include]. */
  readonly objects: readonly (readonly [string, number, number, ...number[]])[];
}

const BATCH = 64;
/** Where define_trace.h is. */
const TRACE_DIRECTORY = 'include/trace';

/** The index kept in `home`; made anew when it is not there, or of another version of Resplice. */
export async function readIndex(
  home: string,
  directory: string,
  database: CompileDatabase,
): Promise<IncludeIndexFile> {
  const file = join(home, 'includes.json');
  const stored = (await readJson(file)) as IncludeIndexFile | undefined;
  if (stored?.format === INCLUDE_INDEX_FORMAT) return stored;
  const configuration = parseKernelConfig(await readFile(join(directory, '.config'), 'utf8'));
  const index = await indexIncludes(directory, database, configuration);
  await writeWhole(file, JSON.stringify(index));
  return index;
}

/** Scans every file that the objects' sources can reach; those that stand only under conditions that the configuration denies are not reached. */
export async function indexIncludes(
  directory: string,
  database: CompileDatabase,
  configuration: Configuration,
): Promise<IncludeIndexFile> {
  const { stdout } = await runCommand(
    'find',
    ['.', '-type', 'd', '-name', '.*', '!', '-name', '.', '-prune', '-o', '-type', 'f', '-printf', '%P\\n'],
    {
      directory,
    },
  );
  const searches = new SearchPaths(database);
  const builder = new IndexBuilder(stdout.split('\n'), searches, findOverridden(database));
  const objects = [...database.objects()].flatMap((object) => {
    const command = database.find(object);
    if (command === undefined) return [];
    const forced = forcedIncludes(command.arguments).map((path) => builder.fileId(path));
    return [[object, searches.of(object), builder.fileId(command.source), ...forced] as const];
  });
  const shared = objects.every(([object]) => readsConfiguration(database, object))
    ? configuration
    : undefined;
  for (let batch = builder.takePending(BATCH); batch.length > 0; batch = builder.takePending(BATCH)) {
    const texts = await Promise.all(batch.map(({ path }) => readText(join(directory, path))));
    for (const [at, { id, path }] of batch.entries()) {
      builder.addFile(id, path, scanIncludes(texts[at] ?? '', /\.[sS]$/.test(path), shared));
    }
  }
  return builder.build(objects);
}

/** Latin-1 keeps every byte; the directives are ASCII. A source that is not there (a generator that failed) includes nothing. */
async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

/** What objects name with -I, and which of them name the same. */
class SearchPaths {
  /** With their numbers. */
  readonly directories = new Map<string, number>();
  readonly #sets = new Map<string, number>();
  readonly #ofObjects = new Map<string, number>();

  constructor(database: CompileDatabase) {
    for (const object of database.objects()) {
      const named = new Set(searchedDirectories(database.find(object)?.arguments ?? []));
      const key = [...named].map((directory) => numberOf(this.directories, directory)).join(' ');
      this.#ofObjects.set(object, numberOf(this.#sets, key));
    }
  }

  of(object: string): number {
    return this.#ofObjects.get(object) ?? 0;
  }

  sets(): readonly (readonly number[])[] {
    return [...this.#sets.keys()].map((key) => (key === '' ? [] : key.split(' ').map(Number)));
  }
}

function searchedDirectories(words: readonly string[]): readonly string[] {
  return words.flatMap((word, at) => {
    const joined = /^-(?:I|iquote|isystem|idirafter)(.*)$/.exec(word)?.[1];
    return joined === undefined ? [] : [normalizePath(joined === '' ? (words[at + 1] ?? '') : joined)];
  });
}

function numberOf(numbers: Map<string, number>, key: string): number {
  const known = numbers.get(key);
  if (known !== undefined) return known;
  numbers.set(key, numbers.size);
  return numbers.size - 1;
}

function readsConfiguration(database: CompileDatabase, object: string): boolean {
  return forcedIncludes(database.find(object)?.arguments ?? []).includes('include/linux/kconfig.h');
}

/** Options that a command defines or undefines: for its object the configuration says something else. */
function findOverridden(database: CompileDatabase): ReadonlySet<string> {
  const options = new Set<string>();
  for (const object of database.objects())
    for (const word of database.find(object)?.arguments ?? []) {
      const option = /^-[DU](CONFIG_\w+)/.exec(word)?.[1];
      if (option !== undefined) options.add(option);
    }
  return options;
}

/** Where the configuration itself is defined. */
const CONFIGURATION_HEADER = 'include/generated/autoconf.h';

/** Files that the command includes before the source. */
function forcedIncludes(words: readonly string[]): readonly string[] {
  return words.flatMap((word, at) => (word === '-include' ? [normalizePath(words[at + 1] ?? '')] : []));
}

class IndexBuilder {
  readonly #exists: ReadonlySet<string>;
  readonly #searches: SearchPaths;
  readonly #byBase = new Map<string, string[]>();
  readonly #files = new Map<string, number>();
  readonly #names = new Map<
    string,
    { readonly id: number; readonly entry: readonly [number, string, ...number[]] }
  >();
  readonly #includes: number[][] = [];
  readonly #overridden: Set<string>;
  #skipped: SkippedInclude[] = [];
  #pending: { id: number; path: string }[] = [];

  constructor(paths: readonly string[], searches: SearchPaths, overridden: ReadonlySet<string>) {
    this.#overridden = new Set(overridden);
    this.#exists = new Set(paths);
    this.#searches = searches;
    for (const path of paths) {
      const base = path.slice(path.lastIndexOf('/') + 1);
      const same = this.#byBase.get(base);
      if (same === undefined) this.#byBase.set(base, [path]);
      else same.push(path);
    }
  }

  fileId(path: string): number {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const id = this.#files.size;
    this.#files.set(path, id);
    this.#includes.push([]);
    this.#pending.push({ id, path });
    return id;
  }

  /** Files that are still to be added. A file may override an option, and then others have not been skipped for good. */
  takePending(count: number): readonly { readonly id: number; readonly path: string }[] {
    if (this.#pending.length === 0) {
      const isOpen = ({ options }: SkippedInclude) => options.some((option) => this.#overridden.has(option));
      const open = this.#skipped.filter(isOpen);
      this.#skipped = this.#skipped.filter((each) => !isOpen(each));
      for (const { id, path, name } of open) this.#addName(id, path, name);
    }
    return this.#pending.splice(0, count);
  }

  addFile(id: number, path: string, { names, skipped, overridden }: ScannedText): void {
    for (const name of names) this.#addName(id, path, name);
    for (const { style, name, options } of skipped)
      this.#skipped.push({ id, path, name: { style, name: copyOf(name) }, options: options.map(copyOf) });
    if (path !== CONFIGURATION_HEADER) for (const option of overridden) this.#overridden.add(copyOf(option));
  }

  #addName(id: number, path: string, name: IncludeName): void {
    if (name.style === 'quoted') {
      const beside = besidePath(path, name.name);
      if (this.#exists.has(beside)) this.fileId(beside);
    }
    this.#includes[id]?.push(this.#nameId(name));
  }

  build(objects: IncludeIndexFile['objects']): IncludeIndexFile {
    return {
      format: INCLUDE_INDEX_FORMAT,
      files: [...this.#files.keys()],
      searches: this.#searches.sets(),
      names: [...this.#names.values()].map((name) => name.entry),
      includes: this.#includes,
      objects,
    };
  }

  #nameId({ style, name }: IncludeName): number {
    const key = `${style} ${name}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known.id;
    const targets = this.#candidates(style, name).flatMap(([path, place]) => [this.fileId(path), place]);
    const id = this.#names.size;
    const own = copyOf(name);
    this.#names.set(`${style} ${own}`, { id, entry: [STYLES.indexOf(style), own, ...targets] });
    return id;
  }

  /** Files with the directories in which they are found. */
  #candidates(style: IncludeStyle, name: string): readonly (readonly [path: string, directory: number])[] {
    const ending = this.#byBase.get(name.slice(name.lastIndexOf('/') + 1)) ?? [];
    if (style === 'anywhere') return ending.map((path) => [path, ANY_DIRECTORY]);
    const { directories } = this.#searches;
    const below = (directory: string) => normalizePath(`${directory}/${name}`);
    const places: (readonly [string, number])[] = name.includes('./')
      ? [...directories].map(([directory, id]) => [below(directory), id])
      : ending.flatMap((path) => {
          const id = directories.get(path.slice(0, -name.length - 1));
          return id === undefined || !path.endsWith(`/${name}`) ? [] : [[path, id] as const];
        });
    if (style === 'traced') places.push([below(TRACE_DIRECTORY), ANY_DIRECTORY]);
    return places.filter(([path]) => this.#exists.has(path));
  }
}

interface SkippedInclude {
  readonly id: number;
  readonly path: string;
  readonly name: IncludeName;
  readonly options: readonly string[];
}

/** A name is a slice of the file it was found in, and would keep 350 MB of sources alive. */
function copyOf(name: string): string {
  return Buffer.from(name, 'latin1').toString('latin1');
}

/** Where a quoted name is looked for first. */
export function besidePath(includer: string, name: string): string {
  const slash = includer.lastIndexOf('/');
  return normalizePath(slash < 0 ? name : `${includer.slice(0, slash)}/${name}`);
}
