// The difference between two Debian versions of the source, as a patch: `diff -ruN` over the two pristine trees, with labels
// a/ and b/ and no times, so that the same versions give the same bytes. Both trees are unpacked whole even for one path: the
// archive has to be decompressed from its beginning anyway, and the next question then costs nothing.

import { stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { InputError, silentProgress, UsageError, withStage } from '@resplice/report';
import { runCommand } from './command.js';
import { type FetchOptions, fetchSource, type SourceVersion, unpackPristine } from './fetch-source.js';
import { isMissing } from './store.js';

/** A unified diff with `a/` and `b/` prefixes; an empty text when nothing differs. Paths are files or directories in the source. */
export async function diffSources(
  from: SourceVersion,
  to: SourceVersion,
  paths: readonly string[],
  options: FetchOptions = {},
): Promise<string> {
  const wanted = paths.map(checkPath);
  const before = await unpackPristine(await fetchSource(from, options), options);
  const after = await unpackPristine(await fetchSource(to, options), options);
  return withStage(
    options.progress ?? silentProgress,
    'diff-sources',
    `${from.version} ${to.version}`,
    async () => {
      return diffTrees(before, after, wanted, { encoding: 'utf8', signal: options.signal });
    },
  );
}

export interface TextOptions {
  /** `latin1` keeps every byte as one character. */
  readonly encoding: 'utf8' | 'latin1';
  readonly signal?: AbortSignal | undefined;
}

/** The difference of two unpacked trees. */
export async function diffTrees(
  before: string,
  after: string,
  paths: readonly string[],
  options: TextOptions,
): Promise<string> {
  const parts: string[] = [];
  for (const path of paths.length === 0 ? ['.'] : paths.map(checkPath)) {
    parts.push(await diffPath(before, after, path, options));
  }
  return parts.join('');
}

async function diffPath(
  before: string,
  after: string,
  path: string,
  { encoding, signal }: TextOptions,
): Promise<string> {
  const sides = [join(before, path), join(after, path)] as const;
  const present = await Promise.all(sides.map(isPresent));
  if (!present.includes(true)) {
    throw new InputError('no-such-source', `${path} is in neither of the two sources`, { context: { path } });
  }
  const args = ['--recursive', '--unified', '--new-file', '--no-dereference', '--show-c-function'];
  // With --new-file a missing directory is taken for an empty one, a missing file only when the other side is named too.
  const result = await runCommand('diff', [...args, ...sides], {
    statuses: [1],
    environment: { TZ: 'UTC' },
    encoding,
    signal,
  });
  return relabelDiff(result.stdout, before, after);
}

/**
 * Replaces the header lines of GNU diff's recursive output: `--- /cache/…/linux/net/x.c\t2026-…` becomes `--- a/net/x.c`, or
 * `/dev/null` for the side on which the file does not exist (GNU diff marks it by the epoch as its time).
 */
export function relabelDiff(text: string, before: string, after: string): string {
  const out: string[] = [];
  let old = 0;
  let fresh = 0;
  for (const line of text.split('\n')) {
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
    if (hunk !== null) {
      old = Number(hunk[1] ?? 1);
      fresh = Number(hunk[2] ?? 1);
      out.push(line);
    } else if (old > 0 || fresh > 0) {
      // Inside a hunk nothing is a header, whatever it looks like.
      if (!line.startsWith('+') && !line.startsWith('\\')) old -= 1;
      if (!line.startsWith('-') && !line.startsWith('\\')) fresh -= 1;
      out.push(line);
    } else if (line.startsWith('diff ')) {
      const last = line.slice(line.lastIndexOf(` ${after}/`) + after.length + 2);
      out.push(`diff a/${last} b/${last}`);
    } else if (line.startsWith('--- ')) out.push(relabel(line, before, 'a'));
    else if (line.startsWith('+++ ')) out.push(relabel(line, after, 'b'));
    else out.push(line.replaceAll(`${before}/`, 'a/').replaceAll(`${after}/`, 'b/'));
  }
  return out.join('\n');
}

function relabel(line: string, root: string, side: 'a' | 'b'): string {
  const [name = '', time = ''] = line.slice(4).split('\t');
  const absent = time.startsWith('1970-01-01 00:00:00');
  return `${line.slice(0, 4)}${absent ? '/dev/null' : `${side}/${name.slice(root.length + 1)}`}`;
}

function checkPath(path: string): string {
  const clean = normalize(path).replace(/\/$/, '');
  if (clean.startsWith('/') || clean === '..' || clean.startsWith('../') || clean.startsWith('-')) {
    throw new UsageError(
      'bad-source-path',
      `"${path}" is not a path inside the kernel source, for example net/core/sock.c`,
    );
  }
  return clean;
}

async function isPresent(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
