// The texts that can mention a type which a patch changes: the changed sources, and of a changed header every file that may include it.

import { findTypeBodies, type SourceText } from '@resplice/engine';
import { FileTexts } from '../header/file-texts.js';
import { WordSearch } from '../header/word-search.js';
import { sourceText } from '../patch/source-text.js';
import { readIncludeGraph } from '../tree/include-graph.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { PatchedSources } from './sources.js';
import type { TouchedTypes } from './touched-types.js';

export class TypeTexts {
  private constructor(
    /** As shipped: it is their objects that exist. */
    readonly all: readonly SourceText[],
    /** The files of the patch. */
    readonly patched: { readonly before: readonly string[]; readonly after: readonly string[] },
  ) {}

  /** @param words tags and enumerators; files without any of them are left out */
  static async open(
    tree: PreparedTree,
    sources: PatchedSources,
    touched: TouchedTypes,
    words: readonly string[],
  ): Promise<TypeTexts> {
    const files = [...sources].filter(([path]) => /\.[ch]$/.test(path));
    const paths = new Set(files.map(([path]) => path));
    if (touched.headers.length > 0) {
      const graph = await readIncludeGraph(tree);
      const objects = graph.findIncluders(touched.headers);
      for (const path of graph.findAllIncluded(objects)) paths.add(path);
      for (const object of objects) paths.add(tree.database.find(object)?.source ?? object);
    }
    const all: SourceText[] = [];
    const search = new WordSearch(words);
    await new FileTexts(tree.directory, 0).visit([...paths], (path, bytes) => {
      if (search.find(bytes).size > 0) all.push({ path, text: bytes.toString('latin1') });
    });
    const textOf = (bytes: Uint8Array | null) => (bytes === null ? [] : [sourceText(bytes)]);
    return new TypeTexts(all, {
      before: files.flatMap(([, { before }]) => textOf(before)),
      after: files.flatMap(([, { after }]) => textOf(after)),
    });
  }

  findDefinition(type: string): string | undefined {
    const tag = type.split(' ').at(-1) ?? '';
    const word = new RegExp(
      `\\b${tag.replace(/\W/g, '')}\\b[^;]*\\{|\\}[^;]*\\b${tag.replace(/\W/g, '')}\\s*;`,
    );
    return this.all.find(
      ({ text }) => word.test(text) && (findTypeBodies(text).has(type) || !type.includes(' ')),
    )?.path;
  }
}
