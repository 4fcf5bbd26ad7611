// gcc's front end over a few files, as the check of a unit runs it over those of a kernel.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const FLAGS = [
  '-fsyntax-only',
  '-Werror=implicit-function-declaration',
  '-Werror=unused-function',
  '-Werror=incompatible-pointer-types',
  '-Iinclude',
  '-x',
  'c',
];

/** gcc's messages about all sources, empty when it has none. */
export async function compileAlone(files: ReadonlyMap<string, string>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'resplice-alone-'));
  try {
    for (const [path, text] of files) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    const sources = [...files.keys()].filter((path) => path.endsWith('.c'));
    const messages: string[] = [];
    for (const source of sources) messages.push(await run(directory, source));
    return messages.join('');
  } finally {
    await rm(directory, { recursive: true });
  }
}

function run(directory: string, source: string): Promise<string> {
  return new Promise((resolve) => {
    const options = { cwd: directory, env: { ...process.env, LC_ALL: 'C' } };
    execFile('gcc', [...FLAGS, source], options, (error, _, stderr) => resolve(error === null ? '' : stderr));
  });
}
