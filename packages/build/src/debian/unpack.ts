// Takes chosen members out of a .deb without installing it. dpkg-deb gives the data archive as a plain tar stream; tar
// picks. `dpkg-deb -x` would write all of it, 100 MB of which nobody reads.

import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { EnvironmentError, InputError } from '@resplice/report';
import { execa } from 'execa';
import { lastWords, toolEnvironment } from './command.js';

/** Extracts the members that fit the tar patterns (which begin with `./`) into `directory`. Every pattern must fit something. */
export async function unpackDeb(
  deb: string,
  patterns: readonly string[],
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  const members = ['--wildcards', '--directory', directory, ...patterns];
  const failure = await pipeToTar(['dpkg-deb', ['--fsys-tarfile', deb]], members, signal);
  if (failure === undefined) return;
  throw new InputError('bad-package', `cannot unpack ${deb}: ${failure}`, { context: { file: deb } });
}

/** Has tar extract the archive that a program writes; returns the last words of both when that fails. */
export async function pipeToTar(
  [program, args]: readonly [program: string, args: readonly string[]],
  extraction: readonly string[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  const options = {
    env: toolEnvironment(),
    extendEnv: false,
    buffer: { stdout: false },
    reject: false,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  } as const;
  const result = await execa(program, args, options).pipe(
    'tar',
    ['--extract', '--no-same-owner', ...extraction],
    options,
  );
  if (!result.failed) return undefined;
  const words = [result, ...result.pipedFrom].map((each) => String(each.stderr ?? '')).join('\n');
  return lastWords(words);
}

/** Unpacks a .tar.xz into `directory`; uses all processors where xz can. */
export async function unpackTarball(
  archive: string,
  members: readonly string[],
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  const result = await execa(
    'tar',
    [
      '--extract',
      '--use-compress-program=xz --threads=0',
      '--no-same-owner',
      '--file',
      archive,
      '--directory',
      directory,
      ...members,
    ],
    {
      env: toolEnvironment(),
      extendEnv: false,
      reject: false,
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    },
  );
  if (!result.failed) return;
  if (result.isCanceled) throw new EnvironmentError('cancelled', `unpacking ${archive} was cancelled`);
  throw new InputError('bad-package', `cannot unpack ${archive}: ${lastWords(result.stderr)}`, {
    context: { file: archive },
  });
}

export async function gunzipFile(from: string, to: string): Promise<void> {
  await pipeline(createReadStream(from), createGunzip(), createWriteStream(to, { flags: 'wx' }));
}
