// The patched source of one Debian version: the archive as Debian ships it (139 MB, shared by all releases and flavours of that
// version), its changelog, and one unpacked pristine copy (1.3 GB) that nobody writes to: prepared trees and diffs link to it.

import { readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EnvironmentError, InputError, silentProgress, withStage } from '@resplice/report';
import { compareVersions } from '@resplice/update';
import { type Apt, systemApt } from './apt.js';
import { downloadInto } from './download.js';
import { cacheRoot, exists, makeOnce, readDirectory, type WorkOptions } from './store.js';
import { gunzipFile, unpackDeb, unpackTarball } from './unpack.js';

/** A source package at one version. */
export interface SourceVersion {
  readonly sourcePackage: string;
  readonly version: string;
}

export interface FetchedSource extends SourceVersion {
  /** The .tar.xz. */
  readonly archive: string;
  /** The package's changelog, as text. */
  readonly changelog: string;
}

export interface FetchOptions extends WorkOptions {
  readonly apt?: Apt;
}

/**
 * Finds the source package of a Debian version such as `6.1.176-1`: in the cache, else among what apt offers.
 * @throws EnvironmentError `source-not-offered` naming the versions that are.
 */
export async function resolveSource(
  version: string,
  apt: Apt,
  options: WorkOptions = {},
): Promise<SourceVersion> {
  const known = (await listFetchedSources(options)).find((source) => source.version === version);
  if (known !== undefined) return known;
  const records = await apt.show('linux-source-[0-9.]+');
  const found = records.find((record) => record.version === version);
  if (found !== undefined) return { sourcePackage: found.name, version };
  throw sourceNotOffered(
    version,
    records.map((record) => record.version),
  );
}

/** The sources that are in the cache. */
export async function listFetchedSources(options: WorkOptions = {}): Promise<readonly SourceVersion[]> {
  const names = await readDirectory(join(options.cache ?? cacheRoot(), 'sources'));
  return names.flatMap((name) => {
    const [, sourcePackage, version] = /^(linux-source-[0-9.]+)_(.+)$/.exec(name) ?? [];
    return sourcePackage === undefined || version === undefined ? [] : [{ sourcePackage, version }];
  });
}

/** Downloads the source of that version unless the cache has it. */
export async function fetchSource(source: SourceVersion, options: FetchOptions = {}): Promise<FetchedSource> {
  const directory = sourceDirectory(source, options);
  const progress = options.progress ?? silentProgress;
  await makeOnce(
    directory,
    (temporary) =>
      withStage(progress, 'fetch-source', `${source.sourcePackage} ${source.version}`, async () => {
        const apt = options.apt ?? systemApt();
        const records = await apt.show(source.sourcePackage.replaceAll('.', '[.]'));
        const record = records.find((each) => each.version === source.version);
        if (record === undefined) {
          throw sourceNotOffered(
            source.version,
            records.map((each) => each.version),
          );
        }
        const deb = await downloadInto(temporary, record, apt, { ...options, stage: 'fetch-source' });
        const doc = `./usr/share/doc/${source.sourcePackage}/changelog.Debian.gz`;
        await unpackDeb(deb, [`./usr/src/${source.sourcePackage}.tar.xz`, doc], temporary, options.signal);
        await rm(deb);
        await rename(join(temporary, 'usr/src', archiveName(source)), join(temporary, archiveName(source)));
        await gunzipFile(join(temporary, doc), join(temporary, 'changelog'));
        await rm(join(temporary, 'usr'), { recursive: true });
      }),
    options.signal,
  );
  return {
    ...source,
    archive: join(directory, archiveName(source)),
    changelog: join(directory, 'changelog'),
  };
}

/** Unpacks the source once and returns the root of the pristine tree. Nobody may write into it: other trees share its inodes. */
export async function unpackPristine(fetched: FetchedSource, options: WorkOptions = {}): Promise<string> {
  const root = options.cache ?? cacheRoot();
  const directory = join(root, 'pristine', `${fetched.sourcePackage}_${fetched.version}`);
  const progress = options.progress ?? silentProgress;
  await makeOnce(
    directory,
    (temporary) =>
      withStage(progress, 'unpack-source', basename(fetched.archive), async () => {
        await unpackTarball(fetched.archive, [], temporary, options.signal);
        const entries = await readdir(temporary);
        const [top] = entries;
        if (entries.length !== 1 || top === undefined || !(await exists(join(temporary, top, 'Kbuild')))) {
          throw new InputError(
            'bad-source-archive',
            `${fetched.archive} does not hold one kernel source tree`,
          );
        }
        await rename(join(temporary, top), join(temporary, 'linux'));
      }),
    options.signal,
  );
  return join(directory, 'linux');
}

/** Where the cache has the archive and the changelog. */
export function sourceDirectory(source: SourceVersion, options: WorkOptions): string {
  return join(options.cache ?? cacheRoot(), 'sources', `${source.sourcePackage}_${source.version}`);
}

function archiveName(source: SourceVersion): string {
  return `${source.sourcePackage}.tar.xz`;
}

function sourceNotOffered(version: string, offered: readonly string[]): EnvironmentError {
  const names = [...offered].sort((a, b) => compareVersions(b, a));
  const what =
    names.length === 0
      ? 'apt offers no linux-source package at all; run `apt-get update`'
      : `on offer: ${names.join(', ')}. If the lists are old, run \`apt-get update\` first`;
  return new EnvironmentError(
    'source-not-offered',
    `apt does not offer the kernel source ${version}; ${what}`,
    {
      context: { version, offered: names },
    },
  );
}
