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
import { type FollowedNames, followNames } from './name-closure.js';
import { PastedNames, type Pastes, scanPastes } from './pasted-names.js';
import { describeSettled, isException, type SettledTypes } from './settled-exception.js';
import { type HeaderFacts, readPastes } from './tree-pastes.js';
import { WordSearch } from './word-search.js';

/** Fewer are sooner preprocessed than names followed once more. */
const MANY = 1000;

export interface MentioningObjects {
  /** They mention what changes. */
  readonly objects: ReadonlySet<string>;
  /** Their preprocessed text says whether the change reaches them. */
  readonly candidates: ReadonlySet<string>;
  /** For which files names did not decide, and why. */
  readonly undecided: readonly string[];
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
  const readable = included.filter(([path, content]) => readChange(path, content).undecided === undefined);
  const found = new FoundObjects(graph, objects);
  for (const [path, content] of included) {
    const { undecided } = readChange(path, content);
    if (undecided !== undefined) found.addUndecided(path, undecided);
  }
  if (readable.length === 0) return found;
  const reader = new ChangeReader(tree, graph, new FileTexts(directory), files, objects);
  const together = await reader.follow(readable, options);
  // One header that everybody includes and nobody means must not have all its includers looked at for the sake of another one.
  const isSplit = together.undecided !== undefined && readable.length > 1 && objects.length > MANY;
  const parts = isSplit ? readable : [];
  if (parts.length === 0) found.add(readable, together);
  for (const part of parts) found.add([part], await reader.follow([part], options));
  return found;
}

type ChangedFile = readonly [path: string, content: PatchedContent];

interface FollowedChange {
  readonly undecided: string | undefined;
  readonly mentioning: ReadonlySet<string>;
  /** Headers that make code where they are included. */
  readonly carriers: readonly string[];
  /** Only macros change, so that text tells who is really affected. */
  readonly onlyMacros: boolean;
}

class FoundObjects implements MentioningObjects {
  readonly objects = new Set<string>();
  readonly candidates = new Set<string>();
  readonly undecided: string[] = [];
  readonly #graph: IncludeGraph;
  readonly #asked: ReadonlySet<string>;

  constructor(graph: IncludeGraph, asked: readonly string[]) {
    this.#graph = graph;
    this.#asked = new Set(asked);
  }

  add(files: readonly ChangedFile[], change: FollowedChange): void {
    if (change.undecided !== undefined) for (const [path] of files) this.addUndecided(path, change.undecided);
    for (const object of change.mentioning) (change.onlyMacros ? this.candidates : this.objects).add(object);
    this.#addIncluders(change.carriers);
  }

  addUndecided(path: string, why: string): void {
    this.undecided.push(`${path}: ${why}`);
    this.#addIncluders([path]);
  }

  #addIncluders(headers: readonly string[]): void {
    if (headers.length === 0) return;
    for (const object of this.#graph.findIncluders(headers))
      if (this.#asked.has(object)) this.candidates.add(object);
  }
}

/** Follows changes through the headers of one set of objects. */
class ChangeReader {
  readonly #tree: PreparedTree;
  readonly #graph: IncludeGraph;
  readonly #texts: FileTexts;
  readonly #files: ReadonlyMap<string, PatchedContent>;
  readonly #objects: readonly string[];

  constructor(
    tree: PreparedTree,
    graph: IncludeGraph,
    texts: FileTexts,
    files: ReadonlyMap<string, PatchedContent>,
    objects: readonly string[],
  ) {
    this.#tree = tree;
    this.#graph = graph;
    this.#texts = texts;
    this.#files = files;
    this.#objects = objects;
  }

  async follow(
    changed: readonly ChangedFile[],
    options: Pick<WorkOptions, 'signal'> & { readonly settled?: ReadonlySet<string> },
  ): Promise<FollowedChange> {
    const settled = describeSettled(
      options.settled ?? new Set(),
      changed.flatMap(([, { before, after }]) =>
        [before, after].map((bytes) => latin1(bytes ?? new Uint8Array())),
      ),
    );
    const pastes = await this.#readPastes();
    const plain = new Set(pastes.plain);
    const headers = [...this.#graph.findAllIncluded(this.#objects)].filter(
      (path) => !plain.has(path) || this.#files.has(path),
    );
    const tags = await withoutExceptions(settled, headers, this.#texts);
    const seeds = changed.map(([path, content]) => readChange(path, content, tags));
    const spelled = await this.#findNew(seeds, headers);
    const names = await followNames(seeds, headers, this.#texts, pastes, spelled);
    options.signal?.throwIfAborted();
    const emitting = changed.flatMap(([path], at) => (seeds[at]?.emitted === true ? [path] : []));
    const { undecided } = names;
    const none = { mentioning: new Set<string>(), carriers: [], onlyMacros: false };
    if (undecided !== undefined) return { ...none, undecided };
    const asked = { ...names, spelled, settled: { ...settled, tags } };
    return {
      undecided: undefined,
      mentioning: await findMentioning(this.#tree, this.#objects, this.#texts, asked, pastes),
      carriers: [...names.carriers, ...emitting],
      onlyMacros: seeds.every((seed) => seed.onlyMacros),
    };
  }

  async #readPastes(): Promise<HeaderFacts> {
    const { database } = this.#tree;
    const all = () => [...this.#graph.findAllIncluded([...database.objects()])];
    const stored = await readPastes(this.#tree, all, new FileTexts(this.#tree.directory));
    const fresh = [...this.#files.values()].flatMap(({ after }) =>
      after === null ? [] : scanPastes(latin1(after)).patterns,
    );
    return { ...stored, patterns: [...stored.patterns, ...fresh] };
  }

  /** Names that the change brings and no header spells without it: what is pasted is declared, and nothing can have declared them. */
  async #findNew(seeds: readonly ChangedNames[], headers: readonly string[]): Promise<ReadonlySet<string>> {
    const brought = new Set(seeds.flatMap(({ introduced }) => [...introduced]));
    if (brought.size === 0) return brought;
    const search = new WordSearch(brought);
    const strike = (bytes: Uint8Array) => {
      for (const word of search.find(bytes)) brought.delete(word);
    };
    const others = headers.filter((path) => !this.#files.has(path));
    await this.#texts.visit(others, (_, bytes) => strike(bytes));
    for (const { before } of this.#files.values()) strike(before ?? new Uint8Array());
    return brought;
  }
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
  settled?: ReadonlySet<string>,
): ChangedNames {
  const none = {
    words: new Set<string>(),
    types: new Set<string>(),
    introduced: new Set<string>(),
    emitted: false,
    onlyMacros: true,
  };
  if (before === null || after === null)
    return { ...none, undecided: `${path} is ${before === null ? 'new' : 'removed'}` };
  if (!/\.[ch]$/.test(path)) return { ...none, undecided: `${path} is not C` };
  return findChangedNames(latin1(before), latin1(after), settled);
}

async function findMentioning(
  tree: PreparedTree,
  objects: readonly string[],
  texts: FileTexts,
  names: FollowedNames & { readonly settled: SettledTypes; readonly spelled: ReadonlySet<string> },
  pastes: Pastes,
): Promise<ReadonlySet<string>> {
  const { settled } = names;
  const pasted = new PastedNames(
    [...names.words].filter((word) => !names.spelled.has(word)),
    pastes,
  );
  const search = new WordSearch([...names.words, ...pasted.pieces()]);
  const kept = new Set<string>();
  if (names.words.size + settled.tags.size === 0) return kept;
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
      isNamed || pasted.canMake(found) || (settled.tags.size > 0 && isException(latin1(bytes), settled));
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
