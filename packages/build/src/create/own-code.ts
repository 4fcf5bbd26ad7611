// kmod/livepatch.c or kmod/hooks.c, compiled once for each kernel with the flags of that kernel's modules.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ObjectFile, parseObject } from '@resplice/engine';
import { InputError } from '@resplice/report';
import { execa } from 'execa';
import { toolEnvironment } from '../debian/command.js';
import { exists, writeWhole } from '../debian/store.js';
import { SECTION_FLAGS } from '../tree/compile-objects.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import { findKmodSource } from './kmod-source.js';

const NAME = 'livepatch';

/** The object of the update's own code: `livepatch`, or `hooks` when the update has any. */
export async function compileOwnCode(
  tree: PreparedTree,
  name: 'livepatch' | 'hooks',
  signal: AbortSignal | undefined,
): Promise<ObjectFile> {
  const source = await readFile(await findKmodSource(`${name}.c`));
  const headers = dirname(await findKmodSource('resplice.h'));
  const header = await readFile(join(headers, 'resplice.h'));
  const command = moduleCommand(tree);
  const key = createHash('sha256')
    .update(JSON.stringify(command))
    .update(source)
    .update(header)
    .digest('hex')
    .slice(0, 16);
  const cached = join(tree.home, 'own', `${name}-${key}.o`);
  if (!(await exists(cached))) {
    await mkdir(dirname(cached), { recursive: true });
    await writeWhole(cached, await compile(tree, [...command, `-I${headers}`], source, signal));
  }
  return parseObject(await readFile(cached), `kmod/${name}.c`);
}

/** Compiler and flags of any C object of a module, without what names that module. */
function moduleCommand(tree: PreparedTree): readonly [string, ...string[]] {
  for (const name of tree.database.objects()) {
    const command = tree.database.find(name);
    if (command?.kind !== 'c' || command.place !== 'module' || command.modules.length !== 1) continue;
    const [compiler, ...flags] = command.arguments.filter((flag) => !/^-g|^-D(__)?KBUILD_/.test(flag));
    if (compiler === undefined) continue;
    const names = ['MODNAME', 'BASENAME', 'MODFILE'].map((key) => `-DKBUILD_${key}="${NAME}"`);
    return [compiler, ...flags, ...names, `-D__KBUILD_MODNAME=kmod_${NAME}`, ...SECTION_FLAGS];
  }
  throw new InputError(
    'no-modules',
    `the configuration of ${tree.identity.release} has no module to take compiler flags from`,
  );
}

async function compile(
  tree: PreparedTree,
  [compiler, ...flags]: readonly [string, ...string[]],
  source: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), 'resplice-own-'));
  try {
    const input = join(directory, `${NAME}.c`);
    const output = join(directory, `${NAME}.o`);
    await writeFile(input, source);
    const run = await execa(compiler, [...flags, '-c', '-o', output, input], {
      cwd: tree.directory,
      env: toolEnvironment(),
      extendEnv: false,
      reject: false,
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    });
    if (run.exitCode !== 0)
      throw new InputError(
        'does-not-compile',
        `the code in kmod/ does not compile for ${tree.identity.release}:\n${run.stderr}`,
      );
    return await readFile(output);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
