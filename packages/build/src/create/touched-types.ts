// Which objects have to be compiled with debug information because of what a patch touches: none for most patches.

import { findMacroTypes, findTouchedTypes, type TouchedDeclarations } from '@resplice/engine';
import { FileTexts } from '../header/file-texts.js';
import { WordSearch } from '../header/word-search.js';
import { sourceText } from '../patch/source-text.js';
import { readIncludeGraph } from '../tree/include-graph.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { PatchedSources } from './sources.js';

export interface TouchedTypes {
  /** Changed sources that declare something differently: each of their objects is looked at. */
  readonly sources: ReadonlySet<string>;
  /** `struct a` of changed headers, and of any file that writes a type with a macro that changes: looked for until found. */
  readonly tags: ReadonlySet<string>;
  /** A header changes types that have no tag to look for: every changed object is looked at. */
  readonly everywhere: boolean;
  /** Headers that change in one of these ways. */
  readonly headers: readonly string[];
}

/** @param objects those whose code changes */
export async function findTouched(
  tree: PreparedTree,
  files: PatchedSources,
  objects: readonly string[],
): Promise<TouchedTypes> {
  const sources = new Set<string>();
  const tags = new Set<string>();
  const headers: string[] = [];
  const macros = new Set<string>();
  let everywhere = false;
  for (const [path, { before, after }] of files) {
    if (!/\.[ch]$/.test(path) || before === null || after === null) continue;
    const text = sourceText(before);
    const touched = findTouchedTypes(text, sourceText(after));
    const own = findMacroTypes(text, new Set(touched.macros));
    if (path.endsWith('.c')) {
      if (isTouched(touched) || own.tags.length > 0 || own.untagged) sources.add(path);
      continue;
    }
    for (const tag of [...touched.tags, ...own.tags]) tags.add(tag);
    everywhere ||= touched.untagged || own.untagged;
    for (const name of own.macros) macros.add(name);
    if (isTouched(touched) || own.macros.size > 0) headers.push(path);
  }
  if (macros.size > 0) {
    const written = await findWrittenWith(tree, objects, macros);
    for (const tag of written.tags) tags.add(tag);
    everywhere ||= written.untagged;
  }
  return { sources, tags, everywhere, headers };
}

function isTouched({ tags, untagged }: TouchedDeclarations): boolean {
  return tags.length > 0 || untagged;
}

/** Types, in any file that the objects include, that are written with one of the macros of a changed header. */
async function findWrittenWith(
  tree: PreparedTree,
  objects: readonly string[],
  macros: ReadonlySet<string>,
): Promise<{ readonly tags: ReadonlySet<string>; readonly untagged: boolean }> {
  const graph = await readIncludeGraph(tree);
  const sources = objects.flatMap((object) => tree.database.find(object)?.source ?? []);
  const paths = [...new Set([...graph.findAllIncluded(objects), ...sources])];
  const texts = new FileTexts(tree.directory);
  const tags = new Set<string>();
  let untagged = false;
  let all = macros;
  // Macros of other headers may carry them on.
  for (let known = -1; known !== all.size; ) {
    known = all.size;
    const search = new WordSearch(all);
    const more = new Set(all);
    await texts.visit(paths, (_, bytes) => {
      if (search.find(bytes).size === 0) return;
      const found = findMacroTypes(sourceText(bytes), all);
      for (const name of found.macros) more.add(name);
      for (const tag of found.tags) tags.add(tag);
      untagged ||= found.untagged;
    });
    all = more;
  }
  return { tags, untagged };
}
