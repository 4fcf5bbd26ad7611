// The headers package carries the headers that Debian's own build generated. Ours must be the same byte for byte: structure
// offsets, system call tables, time constants. This is the cheapest proof that configuration, compiler and source are the right ones.

import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { EnvironmentError } from '@resplice/report';
import type { FetchedKernel } from '../debian/fetch-kernel.js';
import { exists, isMissing } from '../debian/store.js';

const ROOTS = ['include/generated', 'arch/x86/include/generated'];

/** Who built it, when, and as which version: taken over from the package, so that init/version.o is the shipped one. */
const ADOPTED = ['compile.h', 'package.h', 'utsversion.h', 'utsrelease.h'].map(
  (name) => `include/generated/${name}`,
);

/** Differ for reasons that are checked elsewhere (autoconf.h is the .config) or concern no C object. */
const OWN = new Set([...ADOPTED, 'include/generated/autoconf.h', 'include/generated/rustc_cfg']);

/** @throws EnvironmentError `generated-headers-differ` naming the headers. */
export async function checkGeneratedHeaders(directory: string, headers: string): Promise<void> {
  const different: string[] = [];
  for (const path of await listFiles(headers, ROOTS)) {
    if (OWN.has(path) || path.endsWith('.cmd')) continue;
    if (!(await isSame(join(directory, path), join(headers, path)))) different.push(path);
  }
  if (different.length === 0) return;
  throw new EnvironmentError(
    'generated-headers-differ',
    `the prepared tree does not generate the headers that Debian shipped: ${different.slice(0, 10).join(', ')}; ` +
      "the build tools of this machine are not those of the kernel's own Debian release",
    { context: { files: different } },
  );
}

/** Puts the package's release string, version headers and symbol versions into the tree: the last step, for make would rewrite them. */
export async function adoptPackageHeaders(directory: string, fetched: FetchedKernel): Promise<void> {
  const { release } = fetched.identity;
  for (const path of ADOPTED) {
    const from = join(fetched.headers, path);
    if (await exists(from)) await replaceFile(join(directory, path), await readFile(from));
  }
  await replaceFile(join(directory, 'include/config/kernel.release'), `${release}\n`);
  await replaceFile(join(directory, 'include/generated/utsrelease.h'), `#define UTS_RELEASE "${release}"\n`);
  await copyFile(fetched.symvers, join(directory, 'Module.symvers'));
}

/** A new file instead of new content: the old one may be linked from elsewhere. */
async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, content, { flag: 'wx' });
}

async function listFiles(root: string, below: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const directory of below) {
    for (const entry of await readdir(join(root, directory), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) files.push(relative(root, join(entry.parentPath, entry.name)));
    }
  }
  return files.sort();
}

async function isSame(a: string, b: string): Promise<boolean> {
  try {
    return (await readFile(a)).equals(await readFile(b));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
