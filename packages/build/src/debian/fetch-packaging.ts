// Debian's own part of a kernel's source package: the linux-source package holds the sources with Debian's patches, but not those
// of a featureset such as rt, which are only in the source package's debian.tar.xz. apt fetches that file alone, from lists that are
// kept in the cache; it checks the lists' signature and the file's checksum.

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError, silentProgress, withStage } from '@resplice/report';
import { runCommand } from './command.js';
import type { KernelIdentity } from './kernel-identity.js';
import {
  readListEntries,
  readPolicyAddresses,
  readStanzaEntries,
  type SourceEntries,
} from './source-entries.js';
import { cacheRoot, isMissing, makeOnce, readDirectory, type WorkOptions } from './store.js';
import { unpackTarball } from './unpack.js';

const PARTS = '/etc/apt/sources.list.d';
const MAIN = '/etc/apt/sources.list';

/** The directory that holds `debian/` of the kernel's source package. @throws EnvironmentError when apt does not offer it. */
export async function fetchPackaging(identity: KernelIdentity, options: WorkOptions = {}): Promise<string> {
  const root = options.cache ?? cacheRoot();
  const directory = join(root, 'sources', `packaging_${identity.version}`);
  await makeOnce(
    directory,
    (temporary) =>
      withStage(options.progress ?? silentProgress, 'fetch-packaging', identity.version, () =>
        downloadPackaging(temporary, identity, options.signal),
      ),
    options.signal,
  );
  return directory;
}

async function downloadPackaging(
  directory: string,
  identity: KernelIdentity,
  signal: AbortSignal | undefined,
): Promise<void> {
  const apt = join(directory, 'apt');
  const configuration = await writeConfiguration(apt, identity);
  const run = (tool: string, args: readonly string[]) =>
    runCommand(tool, [...configuration, ...args], { directory: apt, signal });
  try {
    await run('apt-get', ['-qq', 'update']);
  } catch (error) {
    throw new EnvironmentError(
      'source-lists-failed',
      `the lists of source packages cannot be fetched: ${error instanceof Error ? error.message : String(error)}; check the network and try again`,
      { cause: error },
    );
  }
  const name = await findSourceName(identity, run);
  await run('apt-get', [
    '-qq',
    '--only-source',
    '--diff-only',
    '--download-only',
    'source',
    `${name}=${identity.version}`,
  ]);
  const archive = (await readdir(apt)).find((file) => file.endsWith('.debian.tar.xz'));
  if (archive === undefined) throw notOffered(identity, []);
  await unpackTarball(join(apt, archive), ['debian'], apt, signal);
  await rename(join(apt, 'debian'), join(directory, 'debian'));
  await rm(apt, { recursive: true });
}

/** Sources and lists of our own below `directory`; returns the options that make apt use them. */
async function writeConfiguration(directory: string, identity: KernelIdentity): Promise<readonly string[]> {
  const [parts, lists] = [join(directory, 'parts'), join(directory, 'lists')];
  await mkdir(parts, { recursive: true });
  await mkdir(join(lists, 'partial'), { recursive: true });
  const { stdout } = await runCommand('apt-cache', ['policy', identity.sourcePackage, identity.imagePackage]);
  const entries = await readEntries(readPolicyAddresses(stdout));
  if (entries.lines.length + entries.stanzas.length === 0) {
    throw new EnvironmentError(
      'no-source-entries',
      `no entry in ${MAIN} or ${PARTS} offers ${identity.sourcePackage}, so its source package cannot be found; add the archive it came from`,
    );
  }
  await writeFile(join(parts, 'kernel.list'), entries.lines.map((line) => `${line}\n`).join(''));
  await writeFile(join(parts, 'kernel.sources'), entries.stanzas.map((stanza) => `${stanza}\n\n`).join(''));
  const settings = {
    'Dir::Etc::SourceList': '/dev/null',
    'Dir::Etc::SourceParts': parts,
    'Dir::State::Lists': lists,
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    // As root apt drops to the user _apt, which may not write here; the directory is ours.
    'APT::Sandbox::User': 'root',
    // Whoever is told about updates of the machine's own lists has nothing to do here.
    'APT::Update::Post-Invoke-Success': '',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

async function readEntries(addresses: ReadonlySet<string>): Promise<SourceEntries> {
  const files = [MAIN, ...(await readDirectory(PARTS)).map((name) => join(PARTS, name))];
  const found: SourceEntries[] = [];
  for (const file of files) {
    if (!/\.(?:list|sources)$/.test(file)) continue;
    try {
      const text = await readFile(file, 'utf8');
      found.push(
        file.endsWith('.list') ? readListEntries(text, addresses) : readStanzaEntries(text, addresses),
      );
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return { stanzas: found.flatMap((each) => each.stanzas), lines: found.flatMap((each) => each.lines) };
}

/** `linux`, or `linux-6.12` where a branch has a package of its own. */
async function findSourceName(
  identity: KernelIdentity,
  run: (tool: string, args: readonly string[]) => Promise<{ readonly stdout: string }>,
): Promise<string> {
  const branch = identity.sourcePackage.replace(/^linux-source-/, '');
  const offered: string[] = [];
  for (const name of ['linux', `linux-${branch}`]) {
    const { stdout } = await run('apt-cache', ['showsrc', '--only-source', name]).catch(() => ({
      stdout: '',
    }));
    const versions = [...stdout.matchAll(/^Version: (.*)$/gm)].map(([, version = '']) => version);
    if (versions.includes(identity.version)) return name;
    offered.push(...versions);
  }
  throw notOffered(identity, offered);
}

function notOffered(identity: KernelIdentity, offered: readonly string[]): EnvironmentError {
  const others = offered.length === 0 ? 'none' : [...new Set(offered)].join(', ');
  return new EnvironmentError(
    'packaging-not-offered',
    `apt does not offer the source package of version ${identity.version}, which the flavour ${identity.flavour} needs for its patches; on offer: ${others}`,
    { context: { version: identity.version, offered: [...new Set(offered)] } },
  );
}
