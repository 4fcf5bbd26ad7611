// Types of a header of which most members stay where they are: `user_dumpable` in `struct task_struct`, behind the last bit of a group, or in front of
// some. By text alone all members behind it may have moved, and everybody who uses the structure would have to be looked at: thousands of
// objects. The layout that a compiler gives it in one of them tells better.

import { findMovedMembers, findTouchedTypes } from '@resplice/engine';
import type { WorkOptions } from '../debian/store.js';
import type { MovedMembers } from '../header/changed-names.js';
import { sourceText } from '../patch/source-text.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { Slot } from '../tree/slot.js';
import { readObjectTypes } from './object-types.js';
import type { PatchedSources } from './sources.js';

/** Debug information has only types that the object uses, so the first may lack one. */
const MAX_OBJECTS = 3;
/** Fewer are sooner looked at than the types. */
const MIN_OBJECTS = 16;

/** Types of a changed header that many of the objects include, as findChangedNames wants them. */
export async function findSettledTypes(
  tree: PreparedTree,
  slot: Slot,
  files: PatchedSources,
  objects: readonly string[],
  options: WorkOptions,
): Promise<MovedMembers> {
  const settled = new Map<string, readonly string[]>();
  const tags = [...files].flatMap(([path, { before, after }]) =>
    path.endsWith('.h') && before !== null && after !== null
      ? findTouchedTags(sourceText(before), sourceText(after))
      : [],
  );
  if (objects.length < MIN_OBJECTS) return settled;
  for (const object of objects.slice(0, MAX_OBJECTS)) {
    const open = tags.filter((tag) => !settled.has(tag));
    if (open.length === 0) break;
    const { before, after } = await readObjectTypes(tree, slot, object, options);
    for (const tag of open) {
      const moved = findMovedMembers(before, after, tag);
      if (moved !== undefined) settled.set(tag, moved);
    }
  }
  return settled;
}

/** Tags of the structs and unions that change, as names are followed by: without `struct`. */
export function findTouchedTags(before: string, after: string): readonly string[] {
  return findTouchedTypes(before, after).tags.flatMap(tagOf);
}

/** `struct a` → `a`; the constants of an enum are followed by name. */
function tagOf(type: string): readonly string[] {
  return type.startsWith('enum ') ? [] : [type.replace(/^\w+ /, '')];
}
