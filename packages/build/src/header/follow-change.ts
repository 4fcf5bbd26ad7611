// From a change of headers to the objects that mention what changes, by way of all the headers that those objects read.

import type { WorkOptions } from '../debian/store.js';
import type { PatchedContent } from '../patch/patch-stack.js';
import { sourceText } from '../patch/source-text.js';
import type { ObjectCommand } from '../tree/compile-database.js';
import { requireCommand } from '../tree/compile-objects.js';
import type { IncludeGraph } from '../tree/include-graph.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import {
  type ChangedNames,
  findBrought,
  findChangedNames,
  type MovedMembers,
  NameSet,
} from './changed-names.js';
import { FileTexts } from './file-texts.js';
import { openGiverSearch } from './giver-closure.js';
import { HeaderSet, readVocabulary } from './header-set.js';
import { type Paste, type Pastes, readPastes } from './macro-pastes.js';
import { reachOf } from './macro-reach.js';
import { listMacros } from './macro-text.js';
import { MentionSearch } from './mention-search.js';
import { type FollowedNames, followNames } from './name-closure.js';
import { findPastedNames } from './pasted-names.js';
import { describeSettled, isException, type SettledTypes } from './settled-exception.js';
import { readTreePastes } from './tree-pastes.js';
import { type Vocabulary, WordSearch } from './word-search.js';

/** What is read to follow a change; made once for a patch. */
export interface Reading {
  readonly tree: PreparedTree;
  /** All files of the patch. */
  readonly files: ReadonlyMap<string, PatchedContent>;
  readonly objects: readonly string[];
  readonly texts: FileTexts;
  /** What the objects may include, but for tables of numbers. */
  readonly headers: HeaderSet;
  readonly pastes: Pastes;
  /** Words of what the patch brings, in any file. */
  readonly brought: ReadonlySet<string>;
}

export type ChangedFile = readonly [path: string, content: PatchedContent];

export interface FollowedChange {
  readonly undecided: string | undefined;
  /** Objects whose source writes a changed name. */
  readonly mentioning: ReadonlySet<string>;
  /** Objects whose source has the words that a macro would make one from. */
  readonly pasting: ReadonlySet<string>;
  /** Headers that make code where they are included. */
  readonly carriers: readonly string[];
  /** Only macros change, so that text tells who is really affected. */
  readonly onlyMacros: boolean;
}

/** With the macros that a patch brings or changes, of which it is not known what they lead to. */
function withChanged(stored: Pastes, files: Iterable<PatchedContent>): Pastes {
  const pastes: Paste[] = [];
  const unknown = new Set(stored.unknown);
  for (const { before, after } of files) {
    const old = new Set([...listMacros(sourceText(before))].map(({ text }) => text));
    const come = [...listMacros(sourceText(after))].filter(({ text }) => !old.has(text));
    for (const macro of come) {
      unknown.add(macro.name);
      for (const pattern of readPastes(macro)?.patterns ?? []) pastes.push({ pattern, macros: [macro.name] });
    }
  }
  return { ...stored, pastes: [...stored.pastes, ...pastes], unknown: [...unknown] };
}

/** @param directory the patched sources */
export async function openReading(
  tree: PreparedTree,
  graph: IncludeGraph,
  directory: string,
  files: ReadonlyMap<string, PatchedContent>,
  objects: readonly string[],
): Promise<Reading> {
  const all = () => [...graph.findAllIncluded([...tree.database.objects()])];
  const stored = await readTreePastes(tree, all, new FileTexts(tree.directory));
  const plain = new Set(stored.plain);
  const headers = [...graph.findAllIncluded(objects)].filter((path) => !plain.has(path) || files.has(path));
  const pastes = withChanged(stored, files.values());
  const texts = new FileTexts(directory);
  const brought = [...files.values()].flatMap(({ before, after }) => [
    ...findBrought(sourceText(before), sourceText(after)),
  ]);
  return {
    tree,
    files,
    objects,
    texts,
    headers: new HeaderSet(texts, headers),
    pastes,
    brought: new Set(brought),
  };
}

export async function followChange(
  reading: Reading,
  changed: readonly ChangedFile[],
  options: Pick<WorkOptions, 'signal'> & { readonly settled?: MovedMembers },
): Promise<FollowedChange> {
  const moved: MovedMembers = options.settled ?? new Map();
  const settled = describeSettled(
    new Set(moved.keys()),
    changed.flatMap(([, { before, after }]) => [before, after].map(sourceText)),
  );
  const tags = await withoutExceptions(settled, reading);
  const kept = new Map([...moved].filter(([tag]) => tags.has(tag)));
  const seeds = changed.map((file) => readChange(file, kept, reading.brought));
  const unpasted = await findNew(seeds, reading);
  const names = await followNames(seeds, reading.headers, reading.pastes, unpasted);
  options.signal?.throwIfAborted();
  const { undecided } = names;
  if (undecided !== undefined)
    return { undecided, mentioning: new Set(), pasting: new Set(), carriers: [], onlyMacros: false };
  const emitting = changed.flatMap(([path], at) => (seeds[at]?.emitted === true ? [path] : []));
  return {
    undecided,
    ...(await findMentioning(reading, { ...names, unpasted, settled: { ...settled, tags } })),
    carriers: [...names.carriers, ...emitting],
    onlyMacros: seeds.every((seed) => seed.onlyMacros),
  };
}

/** @param settled and `brought`: see findChangedNames */
export function readChange(
  [path, { before, after }]: ChangedFile,
  settled?: MovedMembers,
  brought?: ReadonlySet<string>,
): ChangedNames {
  const nothing = (why: string) => new NameSet().finish(why);
  if (before === null || after === null) return nothing(`${path} is ${before === null ? 'new' : 'removed'}`);
  if (!/\.[ch]$/.test(path)) return nothing(`${path} is not C`);
  return findChangedNames(sourceText(before), sourceText(after), settled, brought);
}

/** Names that the change brings and no header spells without it: what is pasted is declared, and nothing can have declared them. */
async function findNew(
  seeds: readonly ChangedNames[],
  { files, headers, texts }: Reading,
): Promise<ReadonlySet<string>> {
  const brought = new Set(seeds.flatMap(({ introduced }) => [...introduced]));
  if (brought.size === 0) return brought;
  const search = new WordSearch(brought);
  const strike = (bytes: Uint8Array) => {
    for (const word of search.find(bytes)) brought.delete(word);
  };
  const others = headers.paths.filter((path) => !files.has(path));
  await texts.visit(others, (_, bytes) => strike(bytes));
  for (const { before } of files.values()) strike(before ?? new Uint8Array());
  return brought;
}

/** A header's exceptions are those of all that include it, so its types do not count as settled. */
async function withoutExceptions(settled: SettledTypes, { headers }: Reading): Promise<ReadonlySet<string>> {
  const tags = new Set(settled.tags);
  if (tags.size === 0) return tags;
  await headers.visit((_, bytes) => {
    for (const tag of tags)
      if (
        bytes.includes(tag) &&
        isException(sourceText(bytes), { tags: new Set([tag]), conditions: new Set() })
      )
        tags.delete(tag);
  });
  return tags;
}

async function findMentioning(
  { tree, objects, texts, pastes }: Reading,
  names: FollowedNames & { readonly settled: SettledTypes; readonly unpasted: ReadonlySet<string> },
): Promise<Pick<FollowedChange, 'mentioning' | 'pasting'>> {
  const { settled } = names;
  const [mentioning, pasting] = [new Set<string>(), new Set<string>()];
  if (names.words.size + names.members.size + names.tags.size + settled.tags.size === 0)
    return { mentioning, pasting };
  const sources = new Map<string, ObjectCommand[]>();
  for (const object of objects) {
    const command = requireCommand(tree, object);
    sources.set(command.source, [...(sources.get(command.source) ?? []), command]);
  }
  let known: Promise<Vocabulary> | undefined;
  const readKnown = () => (known ??= readVocabulary(texts, [...sources.keys()]));
  const readPasted = (some: readonly string[]) =>
    findPastedNames(
      some.filter((word) => !names.unpasted.has(word)),
      pastes,
      readKnown,
    );
  const search = new MentionSearch(
    names,
    await openGiverSearch(names.owners, pastes, readKnown),
    {
      names: await readPasted([...names.words, ...names.tags]),
      members: await readPasted([...names.members]),
    },
    reachOf(pastes),
  );
  const defined = new Set([
    ...names.words,
    ...names.tags,
    ...names.owners.tags,
    ...names.owners.words,
    ...(settled.tags.size > 0 ? settled.conditions : []),
  ]);
  await texts.visit([...sources.keys()], (source, bytes) => {
    const mention = search.find(source, bytes);
    const isMentioned =
      mention === 'written' || (settled.tags.size > 0 && isException(sourceText(bytes), settled));
    for (const command of sources.get(source) ?? []) {
      // Boot code is compiled for other machines, where a struct may be laid out otherwise.
      const isElsewhere = settled.tags.size > 0 && command.place === 'aside';
      // A name may also come from the command line: -DEXPORT=…
      if (isMentioned || isElsewhere || isDefined(command.arguments, defined)) mentioning.add(command.object);
      else if (mention === 'pasted') pasting.add(command.object);
    }
  });
  return { mentioning, pasting };
}

/** What the kernel's build says on every command line, the names of object and module, is for messages and sections. */
const OWN_OPTION = /^-D(?!(?:__)?KBUILD_)/;

function isDefined(words: readonly string[], names: ReadonlySet<string>): boolean {
  return words.some(
    (word) => OWN_OPTION.test(word) && (word.match(/[A-Za-z_]\w*/g) ?? []).some((each) => names.has(each)),
  );
}
