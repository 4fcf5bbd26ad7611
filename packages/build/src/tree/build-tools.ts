// What has to be installed to prepare a kernel tree, all of it named at once: nobody likes to learn of seven packages one by one.

import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { EnvironmentError } from '@resplice/report';

export interface MissingTool {
  /** A program's name or a file's path. */
  readonly tool: string;
  /** The Debian package that has it. */
  readonly package: string;
}

const PROGRAMS: ReadonlyMap<string, string> = new Map([
  ['make', 'make'],
  ['flex', 'flex'],
  ['bison', 'bison'],
  ['bc', 'bc'],
  ['perl', 'perl'],
  ['awk', 'mawk'],
  ['ld', 'binutils'],
  ['xz', 'xz-utils'],
  ['patch', 'patch'],
  ['pahole', 'dwarves'],
]);

const FILES: ReadonlyMap<string, string> = new Map([
  ['/usr/include/stdio.h', 'libc6-dev'],
  ['/usr/include/gelf.h', 'libelf-dev'],
  ['/usr/include/openssl/evp.h', 'libssl-dev'],
]);

/** The tools besides the compiler that this machine lacks; empty when a tree can be prepared. */
export async function checkBuildTools(
  searchPath: string = process.env.PATH ?? '',
): Promise<readonly MissingTool[]> {
  const missing: MissingTool[] = [];
  for (const [tool, name] of PROGRAMS) {
    if ((await findProgram(tool, searchPath)) === undefined) missing.push({ tool, package: name });
  }
  for (const [tool, name] of FILES) {
    if (!(await isAccessible(tool, constants.R_OK))) missing.push({ tool, package: name });
  }
  return missing;
}

/** @throws EnvironmentError `build-tools-missing` with one line that installs them all. */
export async function assertBuildTools(): Promise<void> {
  const missing = await checkBuildTools();
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((each) => each.package))];
  throw new EnvironmentError(
    'build-tools-missing',
    `preparing a kernel tree needs ${missing.map((each) => each.tool).join(', ')}; run \`apt-get install ${packages.join(' ')}\``,
    { context: { packages } },
  );
}

/** The first executable of that name on the search path; an absolute path is looked at as it is. */
export async function findProgram(
  name: string,
  searchPath: string = process.env.PATH ?? '',
): Promise<string | undefined> {
  const candidates = name.includes('/')
    ? [name]
    : searchPath.split(delimiter).map((directory) => join(directory, name));
  for (const candidate of candidates) if (await isAccessible(candidate, constants.X_OK)) return candidate;
  return undefined;
}

async function isAccessible(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch {
    // Missing or not ours to use: the same to the caller, who cannot run it.
    return false;
  }
}
