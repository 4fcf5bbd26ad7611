// Objects that are compiled for an update, before and after the patch, in another way than for the kernel: those of modules with static branches
// that ask their key (kmod/static-branch.h), those of assembly files with a section for each function (kmod/assembly-sections.h).

import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, writeWhole } from '../debian/store.js';
import { SECTION_FLAGS } from '../tree/compile-objects.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import { findKmodSource } from './kmod-source.js';

const HEADERS = { module: 'static-branch.h', assembly: 'assembly-sections.h' } as const;

/** Flags for such objects. The header's content is part of its name, and so of what cached objects are known by. */
export async function objectFlags(
  tree: PreparedTree,
  kind: keyof typeof HEADERS,
): Promise<readonly string[]> {
  const name = HEADERS[kind];
  const header = await readFile(await findKmodSource(name));
  const hash = createHash('sha256').update(header).digest('hex').slice(0, 12);
  const file = join(tree.home, 'own', `${hash}-${name}`);
  if (!(await exists(file))) {
    await mkdir(join(tree.home, 'own'), { recursive: true });
    await writeWhole(file, header);
  }
  return [...SECTION_FLAGS, '-include', file];
}

/** Whether an object is one of C in a module. */
export function hasModuleFlags(tree: PreparedTree, object: string): boolean {
  const command = tree.database.find(object);
  return command?.kind === 'c' && command.modules.length > 0;
}

export function isAssembly(tree: PreparedTree, object: string): boolean {
  return tree.database.find(object)?.kind === 'asm';
}
