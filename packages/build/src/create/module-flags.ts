// How objects of modules are compiled for an update: with static branches that ask their key. See kmod/static-branch.h.

import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, writeWhole } from '../debian/store.js';
import { SECTION_FLAGS } from '../tree/compile-objects.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import { findKmodSource } from './kmod-source.js';

const HEADER = 'static-branch.h';

/** Flags for C objects of modules. The header's content is part of its name, and so of what cached objects are known by. */
export async function moduleFlags(tree: PreparedTree): Promise<readonly string[]> {
  const header = await readFile(await findKmodSource(HEADER));
  const hash = createHash('sha256').update(header).digest('hex').slice(0, 12);
  const file = join(tree.home, 'own', `${hash}-${HEADER}`);
  if (!(await exists(file))) {
    await mkdir(join(tree.home, 'own'), { recursive: true });
    await writeWhole(file, header);
  }
  return [...SECTION_FLAGS, '-include', file];
}

/** Whether an object is compiled with those flags. */
export function hasModuleFlags(tree: PreparedTree, object: string): boolean {
  const command = tree.database.find(object);
  return command?.kind === 'c' && command.modules.length > 0;
}
