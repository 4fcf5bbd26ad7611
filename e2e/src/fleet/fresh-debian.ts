// A Debian with little in it, as an archive that is kept in the cache.

import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../resplice-command.js';

/** Its path. `name` stands for what is in it. */
export async function makeFreshDebian(name: string, packages: readonly string[]): Promise<string> {
  const cache =
    process.env.RESPLICE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'resplice');
  const archive = join(cache, `${name}.tar`);
  if (existsSync(archive)) return archive;
  await mkdir(dirname(archive), { recursive: true });
  const draft = `${archive}.${process.pid}.tar`;
  const include = `--include=${packages.join(',')}`;
  await asRoot('mmdebstrap', '--quiet', '--variant=minbase', include, 'bookworm', draft);
  await rename(draft, archive);
  return archive;
}

/** What it printed; rejects unless it succeeds. */
export async function must(program: string, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run(program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

export function asRoot(program: string, ...args: readonly string[]): Promise<string> {
  return process.getuid?.() === 0 ? must(program, ...args) : must('sudo', '-n', program, ...args);
}
