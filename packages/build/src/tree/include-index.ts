// Who may include whom, for every file that an object of this configuration can reach: made once per tree in a few seconds,
// loaded when a patch touches a header. The names are stored as written, because a patch may also bring a new header, and then
// every file that asks for such a name is concerned. A name in quotes is looked for beside the including file first, as gcc does;
// otherwise below every directory that any object names with -I: a superset of what one object would find.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../debian/command.js';
import { type CompileDatabase, normalizePath } from './compile-database.js';
import type { Configuration } from './include-condition.js';
import { type IncludeName, type IncludeStyle, type ScannedText, scanIncludes } from './include-scan.js';

export const INCLUDE_INDEX_FORMAT = 2;
export const STYLES: readonly IncludeStyle[] = ['quoted', 'angled', 'anywhere'];

/** Indices point into `files` and `names`. */
export interface IncludeIndexFile {
  readonly format: 2;
  readonly files: readonly string[];
  /** [style, name, ...files that it can be, apart from one beside the includer]. */
  readonly names: readonly (readonly [number, string, ...number[]])[];
  /** For each file the names in it. */
  readonly includes: readonly (readonly number[])[];
  /** [object, source, ...files that its command includes with -include]. */
  readonly objects: readonly (readonly [string, number, ...number[]])[];
}

const BATCH = 64;

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
  const builder = new IndexBuilder(
    stdout.split('\n'),
    collectDirectories(database),
    findOverridden(database),
  );
  const objects = [...database.objects()].flatMap((object) => {
    const command = database.find(object);
    if (command === undefined) return [];
    const forced = forcedIncludes(command.arguments).map((path) => builder.fileId(path));
    return [[object, builder.fileId(command.source), ...forced] as const];
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

function collectDirectories(database: CompileDatabase): ReadonlySet<string> {
  const directories = new Set<string>();
  for (const object of database.objects()) {
    const words = database.find(object)?.arguments ?? [];
    for (const [at, word] of words.entries()) {
      const joined = /^-(?:I|iquote|isystem|idirafter)(.*)$/.exec(word)?.[1];
      if (joined !== undefined)
        directories.add(normalizePath(joined === '' ? (words[at + 1] ?? '') : joined));
    }
  }
  return directories;
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
  readonly #directories: ReadonlySet<string>;
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

  constructor(paths: readonly string[], directories: ReadonlySet<string>, overridden: ReadonlySet<string>) {
    this.#overridden = new Set(overridden);
    this.#exists = new Set(paths);
    this.#directories = directories;
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
      names: [...this.#names.values()].map((name) => name.entry),
      includes: this.#includes,
      objects,
    };
  }

  #nameId({ style, name }: IncludeName): number {
    const key = `${style} ${name}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known.id;
    const targets = this.#candidates(style, name).map((path) => this.fileId(path));
    const id = this.#names.size;
    const own = copyOf(name);
    this.#names.set(`${style} ${own}`, { id, entry: [STYLES.indexOf(style), own, ...targets] });
    return id;
  }

  #candidates(style: IncludeStyle, name: string): readonly string[] {
    if (name.includes('./')) {
      return [...this.#directories]
        .map((d) => normalizePath(`${d}/${name}`))
        .filter((path) => this.#exists.has(path));
    }
    const ending = this.#byBase.get(name.slice(name.lastIndexOf('/') + 1)) ?? [];
    if (style === 'anywhere') return ending;
    return ending.filter(
      (path) => path.endsWith(`/${name}`) && this.#directories.has(path.slice(0, -name.length - 1)),
    );
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
