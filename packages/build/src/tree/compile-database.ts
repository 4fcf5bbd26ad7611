// Every object of this kernel configuration with the exact command that makes it, and what it becomes part of: recorded once
// from `make -n`, then loaded in milliseconds. The 13,600 commands differ in few words (171 lists of flags on 6.1), so the file
// interns flag lists and words: 157 MB of log become about 2 MB.

import { InternalError } from '@resplice/report';

/** Where an object's code ends up. `aside` is not kernel code: vdso, real-mode and purgatory images, the EFI stub. */
export type ObjectPlace = 'vmlinux' | 'library' | 'module' | 'aside';

export interface ObjectCommand {
  /** Without `..`, for example `drivers/gpu/drm/amd/display/dc/dml/display_mode_lib.o`. */
  readonly object: string;
  readonly source: string;
  /** The source as the command spells it: `__FILE__` shows it. */
  readonly sourceArgument: string;
  /** Compiler and flags, without -Wp,-MMD, -c, -o and the source. */
  readonly arguments: readonly string[];
  /** objtool as it is run on this object, without the object's name; null when it is not. */
  readonly objtool: readonly string[] | null;
  readonly kind: 'c' | 'asm';
  readonly place: ObjectPlace;
  /** The modules it is linked into, as the kernel spells them; a few objects are in two (liquidio, liquidio_vf). */
  readonly modules: readonly string[];
}

export interface ModuleComposition {
  /** As the kernel spells it: `snd_hda_intel`. */
  readonly name: string;
  /** `sound/pci/hda/snd-hda-intel`. */
  readonly path: string;
  readonly objects: readonly string[];
}

/** A file that kbuild makes by a shell command while it builds. */
export interface GeneratedFile {
  readonly targets: readonly string[];
  readonly command: string;
}

/** As stored; indices point into `words`, `lists` and `modules`. */
export interface DatabaseFile {
  readonly format: 1;
  readonly words: readonly string[];
  readonly lists: readonly (readonly number[])[];
  /** [object, source as spelt, list of flags, list of this object's own flags, list of objtool or -1, place, ...modules]. */
  readonly objects: readonly (readonly [string, string, ...number[]])[];
  /** [path, ...objects by index]. */
  readonly modules: readonly (readonly [string, ...number[]])[];
  readonly moduleObjtool: readonly string[];
  readonly generated: readonly GeneratedFile[];
}

export const DATABASE_FORMAT = 1;
export const PLACES: readonly ObjectPlace[] = ['vmlinux', 'library', 'module', 'aside'];

/** Read access to the recorded commands; commands are expanded when asked for. */
export class CompileDatabase {
  readonly #file: DatabaseFile;
  readonly #overrides: ReadonlyMap<string, ObjectCommand>;
  readonly #index = new Map<string, number>();
  #bySource: Map<string, string[]> | undefined;
  #modules: Map<string, ModuleComposition> | undefined;

  /** @param overrides commands that take the place of recorded ones, or stand beside them */
  constructor(file: DatabaseFile, overrides: ReadonlyMap<string, ObjectCommand> = new Map()) {
    this.#file = file;
    this.#overrides = overrides;
    for (const [index, entry] of file.objects.entries()) this.#index.set(entry[0], index);
  }

  /** The names of all objects, in the order in which make builds them; those that only overrides have come last. */
  objects(): Iterable<string> {
    return new Set([...this.#index.keys(), ...this.#overrides.keys()]);
  }

  get size(): number {
    return this.#index.size;
  }

  /** With other commands for some objects. */
  with(overrides: ReadonlyMap<string, ObjectCommand>): CompileDatabase {
    return new CompileDatabase(this.#file, new Map([...this.#overrides, ...overrides]));
  }

  find(object: string): ObjectCommand | undefined {
    const override = this.#overrides.get(object);
    if (override !== undefined) return override;
    const index = this.#index.get(object);
    const entry = index === undefined ? undefined : this.#file.objects[index];
    return entry === undefined ? undefined : this.#expand(entry);
  }

  /** The objects compiled from this source file: usually one, several for sources compiled twice, none when it is not built. */
  bySource(source: string): readonly ObjectCommand[] {
    this.#bySource ??= this.#indexSources();
    return (this.#bySource.get(source) ?? []).flatMap((object) => this.find(object) ?? []);
  }

  /** Object name and source of every object, without the cost of expanding commands. */
  *sources(): Iterable<readonly [object: string, source: string]> {
    for (const [object, source] of this.#file.objects)
      if (!this.#overrides.has(object)) yield [object, normalizePath(source)];
    for (const { object, source } of this.#overrides.values()) yield [object, source];
  }

  /** Loadable modules by name. */
  get modules(): ReadonlyMap<string, ModuleComposition> {
    this.#modules ??= this.#expandModules();
    return this.#modules;
  }

  /** How objtool is run on a finished module: program (relative to the tree) and flags, the file's name to be appended. */
  get moduleObjtool(): readonly string[] {
    return this.#file.moduleObjtool;
  }

  get generated(): readonly GeneratedFile[] {
    return this.#file.generated;
  }

  #expand(entry: DatabaseFile['objects'][number]): ObjectCommand {
    const [object, sourceArgument, flags = 0, own = 0, objtool = -1, place = 0, ...modules] = entry;
    const source = normalizePath(sourceArgument);
    return {
      object,
      source,
      sourceArgument,
      arguments: [...this.#list(flags), ...this.#list(own)],
      objtool: objtool < 0 ? null : this.#list(objtool),
      kind: source.endsWith('.S') || source.endsWith('.s') ? 'asm' : 'c',
      place: PLACES[place] ?? corrupt(),
      modules: modules.map((index) => moduleNameOf(this.#file.modules[index]?.[0] ?? corrupt())),
    };
  }

  #list(index: number): readonly string[] {
    return (this.#file.lists[index] ?? corrupt()).map((word) => this.#file.words[word] ?? corrupt());
  }

  #indexSources(): Map<string, string[]> {
    const bySource = new Map<string, string[]>();
    for (const [object, source] of this.sources()) {
      const objects = bySource.get(source);
      if (objects === undefined) bySource.set(source, [object]);
      else objects.push(object);
    }
    return bySource;
  }

  #expandModules(): Map<string, ModuleComposition> {
    const modules = new Map<string, ModuleComposition>();
    for (const [path, ...objects] of this.#file.modules) {
      const name = moduleNameOf(path);
      modules.set(name, {
        name,
        path,
        objects: objects.map((index) => this.#file.objects[index]?.[0] ?? corrupt()),
      });
    }
    return modules;
  }
}

/** The kernel's spelling of a module's name, from its path. Source: name-fix in scripts/Makefile.lib. */
export function moduleNameOf(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replaceAll('-', '_')
    .replaceAll(',', '_');
}

/** Removes `./`, `dir/..` and idle slashes; a plain loop because node's normalize is ten times slower over 13,600 names. */
export function normalizePath(path: string): string {
  if (!path.includes('./') && !path.includes('//') && !path.endsWith('/')) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '.' || part === '') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else parts.push(part);
  }
  return `${path.startsWith('/') ? '/' : ''}${parts.join('/')}`;
}

function corrupt(): never {
  throw new InternalError(
    'bad-database',
    'the compile database points outside itself; delete the tree from the cache and prepare it again',
  );
}
