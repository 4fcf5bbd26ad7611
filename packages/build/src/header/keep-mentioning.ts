// Of the objects that include a changed header, those that can depend on what changes in it: an object does so only by a name, written
// in its source, carried on by a header (name-closure.ts), or put together by a macro. Seconds for a header that 9,000 objects include,
// where preprocessing them twice takes an hour and a change of an inline function shows in the text of each.

import type { WorkOptions } from '../debian/store.js';
import type { PatchedContent } from '../patch/patch-stack.js';
import type { ObjectCommand } from '../tree/compile-database.js';
import { requireCommand } from '../tree/compile-objects.js';
import { type IncludeGraph, readIncludeGraph } from '../tree/include-graph.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import { type ChangedNames, findChangedNames } from './changed-names.js';
import { FileTexts } from './file-texts.js';
import { type FollowedNames, findWordsWith, followNames } from './name-closure.js';
import { PastedNames, type Pastes, scanPastes } from './pasted-names.js';
import { describeSettled, isException, type SettledTypes } from './settled-exception.js';
import { readPastes } from './tree-pastes.js';
import { WordSearch } from './word-search.js';

export interface MentioningObjects {
  readonly objects: readonly string[];
  /** Only macros change, or nothing could be told: the preprocessed text says who is really affected. */
  readonly comparable: boolean;
  /** Why names did not decide. */
  readonly undecided: string | undefined;
}

/**
 * Keeps the objects that the change can affect; never loses one.
 * @param directory the patched sources
 * @param files the changed files
 * @param options `settled`: see findChangedNames
 */
export async function keepMentioning(
  tree: PreparedTree,
  directory: string,
  files: ReadonlyMap<string, PatchedContent>,
  objects: readonly string[],
  options: Pick<WorkOptions, 'signal'> & { readonly settled?: ReadonlySet<string> } = {},
): Promise<MentioningObjects> {
  const graph = await readIncludeGraph(tree);
  const included = [...files].filter(([path, { before }]) =>
    isIncludedElsewhere(tree, graph, path, before === null),
  );
  // What cannot be told from the texts cannot be told with settled types either.
  const changes = included.map(([path, content]) => readChange(path, content, undefined));
  const undecided = changes.find((change) => change.undecided !== undefined)?.undecided;
  if (undecided !== undefined) return { objects, comparable: true, undecided };
  const settled = describeSettled(
    options.settled ?? new Set(),
    included.flatMap(([, { before, after }]) =>
      [before, after].map((bytes) => latin1(bytes ?? new Uint8Array())),
    ),
  );
  const texts = new FileTexts(directory);
  const all = () => [...graph.findAllIncluded([...tree.database.objects()])];
  const stored = await readPastes(tree, all, new FileTexts(tree.directory));
  const fresh = [...files.values()].flatMap(({ after }) =>
    after === null ? [] : scanPastes(latin1(after)).patterns,
  );
  const pastes = { ...stored, patterns: [...stored.patterns, ...fresh] };
  const plain = new Set(stored.plain);
  const headers = [...graph.findAllIncluded(objects)].filter((path) => !plain.has(path) || files.has(path));
  const tags = await withoutExceptions(settled, headers, texts);
  const seeds =
    tags.size === 0 ? changes : included.map(([path, content]) => readChange(path, content, tags));
  const names = await followNames(seeds, headers, texts, pastes);
  options.signal?.throwIfAborted();
  if (names.undecided !== undefined) return { objects, comparable: true, undecided: names.undecided };
  const emitting = included.flatMap(([path], at) => (seeds[at]?.emitted === true ? [path] : []));
  const carried = findCarried(graph, [...names.carriers, ...emitting]);
  const mentioning = await findMentioning(
    tree,
    objects,
    texts,
    { ...names, settled: { ...settled, tags } },
    pastes,
  );
  return {
    objects: objects.filter((object) => carried.has(object) || mentioning.has(object)),
    comparable: seeds.every((seed) => seed.onlyMacros),
    undecided: undefined,
  };
}

/** A source reaches its own object without being included: its static functions are no names for others. */
function isIncludedElsewhere(tree: PreparedTree, graph: IncludeGraph, path: string, isNew: boolean): boolean {
  if (!graph.isIncluded(path, isNew)) return false;
  if (!path.endsWith('.c')) return true;
  return graph.findIncluders([path]).some((object) => tree.database.find(object)?.source !== path);
}

/** A header's exceptions are those of all that include it, so its types do not count as settled. */
async function withoutExceptions(
  settled: SettledTypes,
  headers: readonly string[],
  texts: FileTexts,
): Promise<ReadonlySet<string>> {
  const tags = new Set(settled.tags);
  if (tags.size === 0) return tags;
  await texts.visit(headers, (_, bytes) => {
    for (const tag of tags)
      if (bytes.includes(tag) && isException(latin1(bytes), { tags: new Set([tag]), conditions: new Set() }))
        tags.delete(tag);
  });
  return tags;
}

function readChange(
  path: string,
  { before, after }: PatchedContent,
  settled: ReadonlySet<string> | undefined,
): ChangedNames {
  const none = {
    words: new Set<string>(),
    types: new Set<string>(),
    stems: new Set<string>(),
    emitted: false,
    onlyMacros: true,
  };
  if (before === null || after === null)
    return { ...none, undecided: `${path} is ${before === null ? 'new' : 'removed'}` };
  if (!/\.[ch]$/.test(path)) return { ...none, undecided: `${path} is not C` };
  return findChangedNames(latin1(before), latin1(after), settled);
}

function findCarried(graph: IncludeGraph, carriers: readonly string[]): ReadonlySet<string> {
  return new Set(carriers.length === 0 ? [] : graph.findIncluders(carriers));
}

async function findMentioning(
  tree: PreparedTree,
  objects: readonly string[],
  texts: FileTexts,
  names: FollowedNames & { readonly settled: SettledTypes },
  pastes: Pastes,
): Promise<ReadonlySet<string>> {
  const { settled } = names;
  const pasted = new PastedNames(names.words, pastes);
  const search = new WordSearch([...names.words, ...pasted.pieces()]);
  const kept = new Set<string>();
  if (names.words.size + names.stems.size + settled.tags.size === 0) return kept;
  const sources = new Map<string, ObjectCommand[]>();
  for (const object of objects) {
    const command = requireCommand(tree, object);
    sources.set(command.source, [...(sources.get(command.source) ?? []), command]);
  }
  const defined = new Set([...names.words, ...(settled.tags.size > 0 ? settled.conditions : [])]);
  await texts.visit([...sources.keys()], (source, bytes) => {
    const found = search.find(bytes);
    const isNamed = [...found].some((word) => names.words.has(word));
    const isMentioned =
      isNamed ||
      pasted.canMake(found) ||
      (settled.tags.size > 0 && isException(latin1(bytes), settled)) ||
      (names.stems.size > 0 && findWordsWith(latin1(bytes), names.stems).length > 0);
    for (const command of sources.get(source) ?? []) {
      // Boot code is compiled for other machines, where a struct may be laid out otherwise.
      const isElsewhere = settled.tags.size > 0 && command.place === 'aside';
      // A name may also come from the command line: -DEXPORT=…
      if (isMentioned || isElsewhere || isDefined(command.arguments, defined)) kept.add(command.object);
    }
  });
  return kept;
}

function isDefined(words: readonly string[], names: ReadonlySet<string>): boolean {
  return words.some(
    (word) => word.startsWith('-D') && (word.match(/[A-Za-z_]\w*/g) ?? []).some((each) => names.has(each)),
  );
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
