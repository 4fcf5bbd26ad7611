// The types of an object, before and after: compiled once more with debug information, which pahole turns into BTF.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Btf, type ObjectFile, parseBtf } from '@resplice/engine';
import { EnvironmentError } from '@resplice/report';
import { runCommand } from '../debian/command.js';
import type { WorkOptions } from '../debian/store.js';
import { compileObjects } from '../tree/compile-objects.js';
import { compileOriginals } from '../tree/object-cache.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { Slot } from '../tree/slot.js';
import { customCodeFlags } from './kmod-source.js';

export interface ObjectTypes {
  readonly before: Btf;
  readonly after: Btf;
}

export async function readObjectTypes(
  tree: PreparedTree,
  slot: Slot,
  object: string,
  { signal }: WorkOptions,
): Promise<ObjectTypes> {
  const output = await mkdtemp(join(tmpdir(), 'resplice-types-'));
  const interrupt = signal === undefined ? {} : { signal };
  const sides = [
    compileOriginals(tree, [object], { debug: true, extraFlags: [], ...interrupt }).then(([compiled]) =>
      encodeTypes(compiled?.file ?? '', join(output, 'before.btf'), signal),
    ),
    // Patched sources may include resplice.h.
    customCodeFlags()
      .then((extraFlags) =>
        compileObjects(tree, {
          directory: slot.directory,
          objects: [object],
          output,
          debug: true,
          extraFlags,
          ...interrupt,
        }),
      )
      .then(([compiled]) => encodeTypes(compiled?.file ?? '', join(output, 'after.btf'), signal)),
  ] as const;
  try {
    const [before, after] = await Promise.all(sides);
    const source = { file: `types of ${object}` };
    return { before: parseBtf(before, source), after: parseBtf(after, source) };
  } finally {
    // When one fails, the other still writes.
    await Promise.allSettled(sides);
    await rm(output, { recursive: true, force: true });
  }
}

async function encodeTypes(
  object: string,
  file: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  await runCommand('pahole', ['-J', `--btf_encode_detached=${file}`, object], { signal });
  return readFile(file);
}

/**
 * The types that an object file carries: as BTF, or as DWARF when pahole is installed. Undefined when it carries none.
 * @throws InputError for malformed BTF
 */
export async function findTypes(path: string, object: ObjectFile): Promise<Btf | undefined> {
  const data = (name: string) =>
    object.sections.find((section) => section.name === name && section.size > 0)?.data;
  const own = data('.BTF');
  // A finished module's builds upon that of vmlinux, which is not here.
  const isModule = object.sections.some(({ name }) => name === '.gnu.linkonce.this_module');
  if (own !== undefined && !isModule) return parseBtf(own, { file: path, section: '.BTF' });
  if (data('.debug_info') === undefined) return undefined;
  const output = await mkdtemp(join(tmpdir(), 'resplice-types-'));
  try {
    return parseBtf(await encodeTypes(path, join(output, 'btf'), undefined), { file: `types of ${path}` });
  } catch (error) {
    // Without pahole, or with debug information that it does not read, objects are compared as ever.
    if (error instanceof EnvironmentError) return undefined;
    throw error;
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}
