// Where patches come from on disk: a diff, a mail, an mbox, or a directory with a series as quilt or Debian keep it.

import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '@resplice/report';
import { parsePatches } from './diff-parser.js';
import type { PatchFile } from './patch-model.js';

/**
 * Reads patches in the order in which they apply. A directory stands for its `series` file if it has one (quilt: one
 * name per line, `#` begins a comment), else for its *.patch and *.diff files sorted by name.
 * @throws InputError `patch-not-readable`, `patch-empty`, or what parsePatches throws.
 */
export async function readPatchFiles(paths: readonly string[]): Promise<PatchFile[]> {
  const patches: PatchFile[] = [];
  for (const path of paths) {
    const isDirectory = await readWith(path, async () => (await stat(path)).isDirectory());
    for (const { file, name } of isDirectory
      ? await readSeries(path)
      : [{ file: path, name: basename(path) }]) {
      patches.push(...parsePatches(await readWith(file, () => readFile(file)), name));
    }
  }
  return patches;
}

interface SeriesEntry {
  readonly file: string;
  readonly name: string;
}

async function readSeries(directory: string): Promise<SeriesEntry[]> {
  const names = await readWith(directory, () => readdir(directory));
  const series = join(directory, 'series');
  const listed = names.includes('series')
    ? parseSeries(await readWith(series, () => readFile(series, 'utf8')), series)
    : names.filter((name) => /\.(patch|diff)$/.test(name)).sort();
  if (listed.length === 0) {
    throw new InputError(
      'patch-empty',
      `${directory}: no patches here; expected a series file, or files ending in .patch or .diff`,
      { context: { directory } },
    );
  }
  return listed.map((name) => ({ file: join(directory, name), name }));
}

function parseSeries(text: string, series: string): string[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    if (line === '') return [];
    const [name = '', ...options] = line.split(/\s+/);
    if (name.startsWith('/') || name.split('/').includes('..')) {
      throw new InputError(
        'patch-path-unsafe',
        `${series}:${index + 1}: ${name} is outside of the series' directory`,
        {
          context: { series, line: index + 1 },
        },
      );
    }
    // -p1 and -p0 are found out from the files; anything else (-R) would change what the patch does.
    const other = options.filter((option) => !/^-p(0|1|ab)$/.test(option));
    if (other.length > 0) {
      throw new InputError(
        'patch-malformed',
        `${series}:${index + 1}: the option ${other.join(' ')} is not supported; expected only a file name, and -p0 or -p1`,
        { context: { series, line: index + 1 } },
      );
    }
    return [name];
  });
}

async function readWith<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(
      'patch-not-readable',
      `${path}: cannot be read as a patch (${reason}); check the path`,
      {
        context: { path },
        cause,
      },
    );
  }
}
