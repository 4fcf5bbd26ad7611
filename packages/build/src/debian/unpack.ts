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
  const options = {
    env: toolEnvironment(),
    extendEnv: false,
    buffer: { stdout: false },
    reject: false,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  } as const;
  const result = await execa('dpkg-deb', ['--fsys-tarfile', deb], options).pipe(
    'tar',
    ['--extract', '--no-same-owner', '--wildcards', '--directory', directory, ...patterns],
    options,
  );
  if (!result.failed) return;
  const words = [result, ...result.pipedFrom].map((each) => String(each.stderr ?? '')).join('\n');
  throw new InputError('bad-package', `cannot unpack ${deb}: ${lastWords(words)}`, {
    context: { file: deb },
  });
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
