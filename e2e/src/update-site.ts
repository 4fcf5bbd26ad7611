// A repository of updates, made and changed by the real commands; its `public` folder is what a web server would serve.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, resplice } from './resplice-command.js';

export class UpdateSite {
  readonly folder: string;
  readonly #passphrase: string;

  private constructor(directory: string) {
    this.folder = join(directory, 'site');
    this.#passphrase = join(directory, 'passphrase');
  }

  /** One that was made in this directory before. */
  static at(directory: string): UpdateSite {
    return new UpdateSite(directory);
  }

  /** With two root keys, both needed, and a family for kernels of this release. */
  static async make(directory: string, release: string): Promise<UpdateSite> {
    const site = new UpdateSite(directory);
    await writeFile(site.#passphrase, 'correct horse battery\n');
    const family = `linux-${release.split('.').slice(0, 2).join('.')}`;
    await site.run('keys', 'make', 'root', '--count', '2', '--threshold', '2');
    await site.run('keys', 'make', 'targets', 'snapshot', 'timestamp', family);
    await site.run('keys', 'sign');
    return site;
  }

  get public(): string {
    return join(this.folder, 'public');
  }

  /** What machines believe. */
  get root(): string {
    return join(this.public, 'metadata/1.root.json');
  }

  /** For a command that works on this site. */
  get options(): readonly string[] {
    return ['--site', this.folder, '--passphrase-file', this.#passphrase];
  }

  /** A command on this site that must succeed. */
  async run(...args: string[]): Promise<Answer> {
    const answer = await resplice([...args, ...this.options]);
    if (!answer.ok) throw new Error(`resplice ${args.join(' ')}: ${answer.text}`);
    return answer;
  }
}
