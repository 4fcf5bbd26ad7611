// A source tree in which single objects of the shipped kernel can be compiled: made once per kernel and compiler, then never
// written again. What holds after each step:
//   1 link      the pristine source, by hard links: 2 s and almost no space instead of 1.3 GB
//   2 configure .config equals the shipped one, or the build stops with the options that differ
//   3 make      modules_prepare: objtool, generated headers; those equal the headers package's
//   4 record    the compile database
//   5 generate  sources that only a build makes
//   6 index     who includes what
//   7 publish   the release string and Module.symvers of the packages are in place; renamed to its final name
// make replaces files by renaming or makes new ones; where it wrote into a linked file the pristine tree would change with it,
// so generators run only for files that are not there. Rejected: overlayfs (needs root), a copy (1.3 GB per tree).

import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { EnvironmentError, silentProgress, withStage } from '@resplice/report';
import { z } from 'zod';
import { runCommand } from '../debian/command.js';
import type { FetchedKernel } from '../debian/fetch-kernel.js';
import { formatKernel, KernelIdentity } from '../debian/kernel-identity.js';
import { cacheRoot, exists, isMissing, makeOnce, type WorkOptions } from '../debian/store.js';
import { assertBuildTools } from './build-tools.js';
import { CompileDatabase, DATABASE_FORMAT, type DatabaseFile } from './compile-database.js';
import { type Compiler, findCompiler } from './compiler.js';
import { unpackFlavour } from './featureset.js';
import { generateSources } from './generated-files.js';
import { adoptPackageHeaders, checkGeneratedHeaders } from './generated-headers.js';
import { readIndex } from './include-index.js';
import { assertSameConfig } from './kernel-config.js';
import { Make } from './make.js';
import { recordRecipes } from './make-log.js';

/** Raised when what is stored changes, so that older trees are made anew. */
const TREE_FORMAT = 2;

export interface PrepareOptions extends WorkOptions {
  /** A compiler to use though the kernel names another. */
  readonly compilerOverride?: string;
}

export interface PreparedTree {
  /** Names kernel, package version and compiler; equal keys mean equal trees. */
  readonly key: string;
  /** Holds everything below; also the object cache and the work slots. */
  readonly home: string;
  /** The source tree: read-only by convention. */
  readonly directory: string;
  readonly identity: KernelIdentity;
  readonly compiler: Compiler;
  readonly database: CompileDatabase;
}

const StoredTree = z.strictObject({
  format: z.literal(TREE_FORMAT),
  identity: KernelIdentity,
  compiler: z.strictObject({ command: z.string(), versionText: z.string(), replaces: z.string().nullable() }),
});

/**
 * The prepared tree of this kernel: from the cache in milliseconds, else made in about a minute.
 * @throws EnvironmentError when tools or the compiler are missing or change the configuration.
 */
export async function prepareTree(
  fetched: FetchedKernel,
  options: PrepareOptions = {},
): Promise<PreparedTree> {
  const config = await readFile(fetched.config, 'utf8');
  const compiler = await findCompiler(config, options.compilerOverride);
  const stored = { format: TREE_FORMAT, identity: fetched.identity, compiler } as const;
  const key = createHash('sha256').update(JSON.stringify(stored)).digest('hex');
  const { release, version } = fetched.identity;
  const home = join(options.cache ?? cacheRoot(), 'trees', `${release}_${version}_${key.slice(0, 12)}`);
  if (!(await exists(home))) {
    await assertBuildTools();
    await makeOnce(home, (temporary) => buildTree(temporary, fetched, compiler, options), options.signal);
  }
  return readTree(home, key);
}

async function readTree(home: string, key: string): Promise<PreparedTree> {
  const stored = StoredTree.parse(await readPart(home, 'tree.json'));
  const file = (await readPart(home, 'database.json')) as DatabaseFile;
  if (file.format !== DATABASE_FORMAT) {
    throw new EnvironmentError(
      'old-tree',
      `${home} was prepared by another version of Resplice; delete it to have it made anew`,
    );
  }
  const { identity, compiler } = stored;
  return {
    key,
    home,
    directory: join(home, 'linux'),
    identity,
    compiler,
    database: new CompileDatabase(file),
  };
}

async function readPart(home: string, name: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(home, name), 'utf8'));
  } catch (cause) {
    if (!isMissing(cause) && !(cause instanceof SyntaxError)) throw cause;
    const what = isMissing(cause) ? 'has lost' : 'has a damaged';
    throw new EnvironmentError(
      'damaged-tree',
      `${home} ${what} ${name}; delete the directory to have it made anew`,
      { cause },
    );
  }
}

async function buildTree(
  home: string,
  fetched: FetchedKernel,
  compiler: Compiler,
  options: PrepareOptions,
): Promise<void> {
  const progress = options.progress ?? silentProgress;
  const label = formatKernel(fetched.identity);
  const directory = join(home, 'linux');
  const make = new Make(directory, compiler, options.signal);

  const source = {
    sourcePackage: fetched.identity.sourcePackage,
    version: fetched.identity.version,
    archive: fetched.sourceArchive,
    changelog: fetched.changelog,
  };
  const pristine = await unpackFlavour(fetched.identity, source, options);
  await withStage(progress, 'configure-tree', label, async () => {
    await runCommand('cp', ['--archive', '--link', pristine, directory]);
    await configure(directory, fetched, compiler, make);
  });
  await withStage(progress, 'prepare-tree', label, async () => {
    await make.run(['-s', `-j${availableParallelism()}`, 'modules_prepare']);
    await checkGeneratedHeaders(directory, fetched.headers);
  });
  const file = await withStage(progress, 'record-commands', label, async () => {
    const builder = await recordRecipes(directory, {
      makeArguments: make.variables,
      environment: make.environment,
      compiler: compiler.command,
      signal: options.signal,
      onObjects: (done) => progress({ stage: 'record-commands', state: 'update', done, unit: 'objects' }),
    });
    return builder.build();
  });
  const database = new CompileDatabase(file);
  await withStage(progress, 'generate-sources', label, async () => {
    await generateSources(directory, database, {
      environment: make.environment,
      signal: options.signal,
      onFile: (detail) => progress({ stage: 'generate-sources', state: 'update', detail }),
    });
    await makeMissingSources(directory, database, make);
  });
  await withStage(progress, 'index-includes', label, () => readIndex(home, directory, database));
  await adoptPackageHeaders(directory, fetched);
  await writeFile(join(home, 'database.json'), JSON.stringify(file));
  const stored = { format: TREE_FORMAT, identity: fetched.identity, compiler };
  await writeFile(join(home, 'tree.json'), `${JSON.stringify(stored, null, 2)}\n`);
}

async function configure(
  directory: string,
  fetched: FetchedKernel,
  compiler: Compiler,
  make: Make,
): Promise<void> {
  const shipped = await readFile(fetched.config, 'utf8');
  await writeFile(join(directory, '.config'), shipped);
  await make.run(['-s', 'olddefconfig']);
  const prepared = await readFile(join(directory, '.config'), 'utf8');
  assertSameConfig(shipped, prepared, compiler.replaces !== null);
}

/** Sources that no recorded command could make: one real make for all of them, as kbuild's authors meant it. */
async function makeMissingSources(directory: string, database: CompileDatabase, make: Make): Promise<void> {
  const objects: string[] = [];
  for (const [object, source] of database.sources())
    if (!(await exists(join(directory, source)))) objects.push(object);
  if (objects.length > 0) await make.run(['-s', '-k', `-j${availableParallelism()}`, ...objects]);
  for (const object of objects) await rm(join(directory, object), { force: true });
}
