// A member that gives its place to one of another name is either renamed or its place is used anew. What decides is what old code left there:
// when the lines that can write to it are the same but for the name, new code reads what it would have written itself.

import { stripComments } from './type-text.js';

/** Whether every line that may write to a member says the same after the patch, with the members' new names. */
export function isPlainRename(
  before: readonly string[],
  after: readonly string[],
  names: ReadonlyMap<string, string>,
): boolean {
  const [old, patched] = [new Set(names.keys()), new Set(names.values())];
  const renamed = listWrites(before, old).map((line) =>
    line.replace(/\w+/g, (word) => names.get(word) ?? word),
  );
  // Other members may have had the new name before.
  const others = listWrites(before, new Set([...patched].filter((name) => !old.has(name))));
  const now = listWrites(after, patched);
  return [...renamed, ...others].sort().join('\n') === now.sort().join('\n');
}

function listWrites(texts: readonly string[], names: ReadonlySet<string>): string[] {
  if (names.size === 0) return [];
  const name = `(?:${[...names].join('|')})`;
  const isWrite = new RegExp(
    `(?:->|\\.)\\s*${name}\\b\\s*(?:\\[[^\\]]*\\]\\s*)*(?:(?:[-+|&^*/%]|<<|>>)?=(?!=)|\\+\\+|--)|(?:\\+\\+|--|&)\\s*[\\w>.\\-\\[\\]()]*\\b${name}\\b|\\.${name}\\s*=`,
  );
  return texts.flatMap((text) =>
    stripComments(text)
      .split('\n')
      .filter((line) => isWrite.test(line))
      .map((line) => line.replace(/\s+/g, ' ').trim()),
  );
}
