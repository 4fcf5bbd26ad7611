// The sources of a flavour. Debian builds rt flavours from the common sources and one more series of patches (debian/patches-rt); what
// a flavour without such a series needs is the common sources.

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { silentProgress, withStage } from '@resplice/report';
import { runCommand } from '../debian/command.js';
import { fetchPackaging } from '../debian/fetch-packaging.js';
import { type FetchedSource, unpackPristine } from '../debian/fetch-source.js';
import type { KernelIdentity } from '../debian/kernel-identity.js';
import { cacheRoot, exists, isMissing, makeOnce, type WorkOptions } from '../debian/store.js';
import { parsePatch } from '../patch/diff-parser.js';
import { applyPatches, type PatchedContent } from '../patch/patch-stack.js';

/** `rt` of `rt-amd64`; undefined for `amd64` and `cloud-amd64`, which are built from the common sources. */
export function findFeatureset(flavour: string): string | undefined {
  return /^(rt)-/.exec(flavour)?.[1];
}

/** The sources that the kernel was built from, unpacked once. Nobody may write into them. */
export async function unpackFlavour(
  identity: KernelIdentity,
  source: FetchedSource,
  options: WorkOptions = {},
): Promise<string> {
  const pristine = await unpackPristine(source, options);
  const featureset = findFeatureset(identity.flavour);
  if (featureset === undefined) return pristine;
  const patches = join(await fetchPackaging(identity, options), 'debian', `patches-${featureset}`);
  if (!(await exists(join(patches, 'series')))) return pristine;
  const name = `${source.sourcePackage}_${source.version}_${featureset}`;
  const directory = join(options.cache ?? cacheRoot(), 'pristine', name);
  await makeOnce(
    directory,
    (temporary) =>
      withStage(options.progress ?? silentProgress, 'apply-featureset', name, async () => {
        const copy = join(temporary, 'linux');
        await runCommand('cp', ['--archive', '--link', pristine, copy]);
        for (const [path, content] of await applySeries(patches, pristine))
          await writeContent(copy, path, content);
      }),
    options.signal,
  );
  return join(directory, 'linux');
}

/** The names in a quilt series file, in order. */
export function parseSeries(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const name = line
      .replace(/(?:^|\s)#.*$/, '')
      .trim()
      .split(/\s+/)[0];
    return name === undefined || name === '' ? [] : [name];
  });
}

async function applySeries(patches: string, pristine: string): Promise<ReadonlyMap<string, PatchedContent>> {
  const names = parseSeries(await readFile(join(patches, 'series'), 'utf8'));
  const parsed = await Promise.all(
    names.map(async (name) => parsePatch(await readFile(join(patches, name)), name)),
  );
  const read = async (path: string) => {
    try {
      return await readFile(join(pristine, path));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  return applyPatches(parsed, read, 'nearest');
}

/** A new file in place of the link, so that the common sources stay as they are. */
async function writeContent(root: string, path: string, { after }: PatchedContent): Promise<void> {
  const file = join(root, path);
  if (after === null) {
    await rm(file, { force: true });
    return;
  }
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, after, { flag: 'wx' });
  await rename(`${file}.new`, file);
}
