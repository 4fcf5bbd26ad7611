// From recipes to the stored compile database: collects what make -n prints, then decides where each object belongs by walking
// the archives down from vmlinux.a, which is how the linker will see it.

import { InputError } from '@resplice/report';
import {
  DATABASE_FORMAT,
  type DatabaseFile,
  type GeneratedFile,
  normalizePath,
  PLACES,
} from './compile-database.js';
import type { Recipe } from './recipe.js';

type Compile = Extract<Recipe, { kind: 'compile' }>;

interface PackedCompile {
  readonly source: string;
  /** [flags, own flags, objtool or -1], as lists. */
  readonly lists: readonly [number, number, number];
}

export class DatabaseBuilder {
  readonly #compiles = new Map<string, PackedCompile>();
  readonly #archives = new Map<string, readonly string[]>();
  readonly #modules = new Map<string, readonly string[]>();
  readonly #objtools = new Map<string, { readonly words: readonly string[]; count: number }>();
  readonly #generated: GeneratedFile[] = [];
  readonly #words = new Map<string, number>();
  readonly #lists = new Map<string, number>();
  readonly #listWords: number[][] = [];

  add(recipe: Recipe): void {
    if (recipe.kind === 'compile') this.#addCompile(recipe);
    else if (recipe.kind === 'archive') this.#archives.set(recipe.archive, recipe.members);
    else if (recipe.kind === 'module') this.#modules.set(recipe.path, recipe.members);
    else if (recipe.kind === 'module-objtool') this.#countObjtool(recipe.objtool);
    else this.#generated.push({ targets: recipe.targets, command: ownCopy(recipe.command) });
  }

  get generated(): readonly GeneratedFile[] {
    return this.#generated;
  }

  /** @throws InputError `bad-make-log` when the log lacks what every kernel has. */
  build(): DatabaseFile {
    const { linked, library } = this.#walkArchives();
    const index = new Map([...this.#compiles.keys()].map((object, at) => [object, at]));
    const modules = [...this.#modules]
      .map(([path, members]) => [path, ...members.flatMap((member) => index.get(member) ?? [])] as const)
      // A module without one object of ours cannot be patched by us.
      .filter((module) => module.length > 1);
    const modulesOf = new Map<number, number[]>();
    for (const [at, [, ...members]] of modules.entries()) {
      for (const member of members) modulesOf.set(member, [...(modulesOf.get(member) ?? []), at]);
    }
    const objects = [...this.#compiles].map(([object, compile], at) => {
      const inModules = modulesOf.get(at) ?? [];
      const built = library.has(object) ? 'library' : linked.has(object) ? 'vmlinux' : 'aside';
      const place = inModules.length > 0 ? 'module' : built;
      return [object, compile.source, ...compile.lists, PLACES.indexOf(place), ...inModules] as const;
    });
    return {
      format: DATABASE_FORMAT,
      words: [...this.#words.keys()],
      lists: this.#listWords,
      objects,
      modules,
      moduleObjtool: this.#commonObjtool(),
      generated: this.#generated,
    };
  }

  #addCompile(recipe: Compile): void {
    const packed = { source: ownCopy(recipe.source), lists: this.#packCommand(recipe) };
    this.#compiles.set(ownCopy(normalizePath(recipe.object)), packed);
    // On 6.1 objtool runs on each object of a module, there with --module; a finished module is treated the same way.
    if (recipe.objtool?.includes('--module') === true) this.#countObjtool(recipe.objtool);
  }

  #countObjtool(words: readonly string[]): void {
    const key = words.join(' ');
    const seen = this.#objtools.get(key);
    if (seen === undefined) this.#objtools.set(key, { words, count: 1 });
    else seen.count += 1;
  }

  #commonObjtool(): readonly string[] {
    const [first] = [...this.#objtools.values()].sort((a, b) => b.count - a.count);
    if (first === undefined) throw badLog('no module is checked by objtool');
    return first.words;
  }

  #walkArchives(): { readonly linked: ReadonlySet<string>; readonly library: ReadonlySet<string> } {
    const root = this.#archives.get('vmlinux.a') ?? [];
    if (!root.includes('built-in.a') || this.#compiles.size === 0)
      throw badLog('vmlinux.a is not made of built-in.a');
    const linked = new Set<string>();
    const library = new Set<string>();
    const visit = (archive: string, into: Set<string>): void => {
      for (const member of this.#archives.get(archive) ?? []) {
        if (member.endsWith('.a')) visit(member, into);
        else into.add(member);
      }
    };
    for (const archive of root) visit(archive, archive.endsWith('/lib.a') ? library : linked);
    return { linked, library };
  }

  /** [flags, own flags, objtool or -1]: own flags begin at the first word that names the object itself. */
  #packCommand(compile: Compile): readonly [number, number, number] {
    const words = compile.arguments;
    const own = words.findIndex((word) => word.startsWith('-DKBUILD_') || word.startsWith('-D__KBUILD_'));
    const cut = own < 0 ? words.length : own;
    const objtool = compile.objtool === null ? -1 : this.#packList(compile.objtool);
    return [this.#packList(words.slice(0, cut)), this.#packList(words.slice(cut)), objtool];
  }

  #packList(words: readonly string[]): number {
    const key = words.join('\0');
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const list = words.map((word) => {
      const known = this.#words.get(word);
      if (known !== undefined) return known;
      this.#words.set(ownCopy(word), this.#words.size);
      return this.#words.size - 1;
    });
    this.#lists.set(key, this.#listWords.length);
    return this.#listWords.push(list) - 1;
  }
}

/** The text by itself: what the parser hands over are slices of make's output, and would keep all 157 MB of it alive. */
function ownCopy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function badLog(what: string): InputError {
  return new InputError(
    'bad-make-log',
    `make -n did not print a whole kernel build: ${what}; see the log of make for its own errors`,
  );
}
