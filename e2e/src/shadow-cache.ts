// A cache of its own for tests that need a tree nobody has compiled in, or whose source is not the kernel's. Making a whole one
// would take minutes and gigabytes; this one shares everything with the real cache but the prepared tree, which is a copy made
// of symbolic links, without its compiled objects.

import { cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cacheRoot, type PreparedTree } from '@resplice/build';
import { run } from './resplice-command.js';

const MADE_LATER = ['objects', 'patched', 'preprocessed', 'slots'];

export class ShadowCache {
  readonly directory: string;
  readonly #home: string;

  private constructor(directory: string, home: string) {
    this.directory = directory;
    this.#home = home;
  }

  /** Makes the shadow of the cache, with this tree in it, under `directory`. */
  static async make(directory: string, tree: PreparedTree): Promise<ShadowCache> {
    const home = join(directory, 'trees', basename(tree.home));
    await mkdir(home, { recursive: true });
    for (const name of await readdir(cacheRoot())) {
      if (name !== 'trees') await symlink(join(cacheRoot(), name), join(directory, name));
    }
    for (const name of await readdir(tree.home)) {
      const [from, to] = [join(tree.home, name), join(home, name)];
      if (from === tree.directory) {
        const { status, stderr } = await run('cp', ['--archive', '--symbolic-link', from, to]);
        if (status !== 0) throw new Error(`the tree cannot be linked: ${stderr}`);
      } else if (!MADE_LATER.includes(name)) await cp(from, to, { recursive: true });
    }
    return new ShadowCache(directory, home);
  }

  /** For the command, so that it uses this cache. */
  get environment(): Readonly<Record<string, string>> {
    return { RESPLICE_CACHE: this.directory };
  }

  /** How many originals were compiled here. */
  async countObjects(): Promise<number> {
    const names = await readdir(join(this.#home, 'objects'), { recursive: true });
    return names.filter((name) => name.endsWith('.o')).length;
  }

  /** As a cleaner of old files takes them. */
  async lose(...names: readonly string[]): Promise<void> {
    for (const name of names) await rm(join(this.#home, name), { recursive: true, force: true });
  }

  /** Gives a file of the tree another text, and forgets what was made of the tree before. */
  async replaceSource(path: string, text: string): Promise<void> {
    const file = join(this.#home, 'linux', path);
    await rm(file);
    await writeFile(file, text);
    await this.lose(...MADE_LATER);
  }
}
