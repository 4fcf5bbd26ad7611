// Chooses the kernel modules a guest needs. An image package that was unpacked but not installed has no modules.dep, and some
// needs are in no symbol table: libcrc32c asks for the alias "crc32c" when it starts, and says so only in a softdep line. So
// depmod indexes the whole tree once (kept in the cache, seconds), modprobe answers what a name needs, and depmod indexes
// the small tree for the guest. Reading .modinfo ourselves would repeat both programs and miss the aliases.

import { createHash, randomBytes } from 'node:crypto';
import { access, copyFile, mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { EnvironmentError, InputError } from '@resplice/report';
import { makeCacheDirectory } from './cache-directory.js';
import type { GuestModules } from './guest.js';
import { type HostProgram, readProgramOutput } from './host-program.js';

const PACKAGE_FILES = ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'] as const;

/** Compressed modules are unpacked, because the guest's kernel or kmod may not know the compression. */
const DECOMPRESSORS: ReadonlyMap<string, HostProgram> = new Map([
  ['.xz', 'xz'],
  ['.zst', 'zstd'],
]);

/** Fills `staging/lib/modules/RELEASE` with the modules, what they depend on, and the depmod files for them. */
export async function stageModules(modules: GuestModules, staging: string): Promise<void> {
  const directory = resolve(modules.directory);
  const release = basename(directory);
  const index = await indexModules(directory, release);
  const indexed = join(index, 'lib/modules', release);
  const target = join(staging, 'lib/modules', release);
  await mkdir(target, { recursive: true });
  for (const path of await findModuleFiles(index, release, modules.names)) {
    await stageModule(path, join(target, relative(indexed, path)));
  }
  await copyPackageFiles(indexed, target);
  await readProgramOutput('depmod', ['-b', staging, release]);
}

/** The modules that `modprobe --show-depends` prints, each once, as paths in the index. */
async function findModuleFiles(
  index: string,
  release: string,
  names: readonly string[],
): Promise<Set<string>> {
  const paths = new Set<string>();
  for (const name of names) {
    // Without -C the host's /etc/modprobe.d would have its say about blacklists and options.
    const args = ['-C', '/dev/null', '-d', index, '-S', release, '--show-depends', '--', name];
    let output: string;
    try {
      output = (await readProgramOutput('modprobe', args)).toString();
    } catch (error) {
      throw new InputError(
        'module-unknown',
        `kernel ${release} has no module ${name}; check the name with modinfo`,
        {
          context: { release, module: name },
          cause: error,
        },
      );
    }
    for (const path of parseShowDepends(output)) paths.add(path);
  }
  return paths;
}

/** Lines are `insmod PATH [OPTION…]` and `builtin NAME`; the latter needs no file. */
export function parseShowDepends(output: string): readonly string[] {
  const lines = output.split('\n').map((line) => /^insmod (\/.*?\.ko(?:\.\w+)?)(?: .*)?$/.exec(line)?.[1]);
  return lines.filter((path) => path !== undefined);
}

/** Returns a base folder for `modprobe -d`: links to the package's folders, beside the depmod files made here. */
async function indexModules(directory: string, release: string): Promise<string> {
  const cache = await makeCacheDirectory('modules');
  const index = join(cache, await identifyTree(directory));
  try {
    await access(index);
    return index;
  } catch {
    // Not indexed yet, or the tree has changed since.
  }
  const draft = `${index}.${randomBytes(6).toString('hex')}`;
  const target = join(draft, 'lib/modules', release);
  await mkdir(target, { recursive: true });
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await symlink(join(directory, entry.name), join(target, entry.name));
  }
  await copyPackageFiles(directory, target);
  await readProgramOutput('depmod', ['-b', draft, release]);
  try {
    await rename(draft, index);
  } catch (error) {
    // Another process was quicker with the same index; ours is not needed.
    await rm(draft, { recursive: true, force: true });
    await access(index).catch(() => Promise.reject(error));
  }
  return index;
}

/** Changes when a package is unpacked anew: modules.order is rewritten then. */
async function identifyTree(directory: string): Promise<string> {
  const facts: string[] = [directory];
  for (const path of [directory, join(directory, 'modules.order')]) {
    try {
      const { dev, ino, size, mtimeMs } = await stat(path);
      facts.push([dev, ino, size, mtimeMs].join(' '));
    } catch (error) {
      throw new EnvironmentError(
        'modules-unreadable',
        `cannot read ${path}; give the lib/modules/RELEASE folder of an unpacked or installed image package`,
        { context: { path }, cause: error },
      );
    }
  }
  return createHash('sha256').update(facts.join('\n')).digest('hex').slice(0, 32);
}

async function stageModule(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  for (const [suffix, program] of DECOMPRESSORS) {
    if (!source.endsWith(suffix)) continue;
    await writeFile(target.slice(0, -suffix.length), await readProgramOutput(program, ['-dc', source]));
    return;
  }
  await copyFile(source, target);
}

async function copyPackageFiles(from: string, to: string): Promise<void> {
  for (const name of PACKAGE_FILES) {
    // An older kernel may lack one of the three; depmod then leaves out what it would have said.
    await copyFile(join(from, name), join(to, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}
