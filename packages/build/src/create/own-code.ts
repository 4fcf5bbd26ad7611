// The C of kmod/ that becomes part of an update, compiled once for each kernel with the flags of that kernel's modules.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ObjectFile, parseObject } from '@resplice/engine';
import { InputError } from '@resplice/report';
import { execa } from 'execa';
import { toolEnvironment } from '../debian/command.js';
import { exists, writeWhole } from '../debian/store.js';
import { duringTool } from '../debian/tool-clock.js';
import { SECTION_FLAGS } from '../tree/compile-objects.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import { findKmodSource } from './kmod-source.js';

/**
 * An object of the update's own code: what makes its module one that the engine knows, or a part of the trampoline engine's core.
 * @param module the name that the module's messages begin with
 */
export async function compileOwnCode(
  tree: PreparedTree,
  { name, module }: { readonly name: string; readonly module: string },
  signal: AbortSignal | undefined,
): Promise<ObjectFile> {
  const path = await findKmodSource(`${name}.c`);
  const directory = dirname(path);
  const [source, headers] = await Promise.all([readFile(path), readHeaders(directory)]);
  const command = moduleCommand(tree, module);
  const hash = createHash('sha256').update(JSON.stringify(command)).update(source);
  for (const header of headers) hash.update(header);
  const cached = join(tree.home, 'own', `${name}-${hash.digest('hex').slice(0, 16)}.o`);
  if (!(await exists(cached))) {
    await mkdir(dirname(cached), { recursive: true });
    await writeWhole(cached, await compile(tree, [...command, `-I${directory}`], { name, source }, signal));
  }
  return parseObject(await readFile(cached), `kmod/${name}.c`);
}

/** All of them, for each source may include any. */
async function readHeaders(directory: string): Promise<readonly Uint8Array[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.h')).sort();
  return Promise.all(names.map((name) => readFile(join(directory, name))));
}

/** Compiler and flags of any C object of a module, without what names that module. */
function moduleCommand(tree: PreparedTree, module: string): readonly [string, ...string[]] {
  for (const name of tree.database.objects()) {
    const command = tree.database.find(name);
    if (command?.kind !== 'c' || command.place !== 'module' || command.modules.length !== 1) continue;
    const [compiler, ...flags] = command.arguments.filter((flag) => !/^-g|^-D(__)?KBUILD_/.test(flag));
    if (compiler === undefined) continue;
    const names = ['MODNAME', 'BASENAME', 'MODFILE'].map((key) => `-DKBUILD_${key}="${module}"`);
    return [compiler, ...flags, ...names, `-D__KBUILD_MODNAME=kmod_${module}`, ...SECTION_FLAGS];
  }
  throw new InputError(
    'no-modules',
    `the configuration of ${tree.identity.release} has no module to take compiler flags from`,
  );
}

async function compile(
  tree: PreparedTree,
  [compiler, ...flags]: readonly [string, ...string[]],
  { name, source }: { readonly name: string; readonly source: Uint8Array },
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), 'resplice-own-'));
  try {
    const input = join(directory, `${name}.c`);
    const output = join(directory, `${name}.o`);
    await writeFile(input, source);
    const run = await duringTool(async () =>
      execa(compiler, [...flags, '-c', '-o', output, input], {
        cwd: tree.directory,
        env: toolEnvironment(),
        extendEnv: false,
        reject: false,
        ...(signal === undefined ? {} : { cancelSignal: signal }),
      }),
    );
    if (run.exitCode !== 0)
      throw new InputError(
        'does-not-compile',
        `kmod/${name}.c does not compile for ${tree.identity.release}:\n${run.stderr}`,
      );
    return await readFile(output);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
