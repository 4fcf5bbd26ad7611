// Of the objects that include a changed header, those that can depend on what changes in it: an object does so only by a name, written
// in its source, carried on by a header (name-closure.ts), or put together by a macro. Seconds for a header that 9,000 objects include,
// where preprocessing them twice takes an hour and a change of an inline function shows in the text of each.

import type { WorkOptions } from '../debian/store.js';
import type { PatchedContent } from '../patch/patch-stack.js';
import { type IncludeGraph, readIncludeGraph } from '../tree/include-graph.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { MovedMembers } from './changed-names.js';
import {
  type ChangedFile,
  type FollowedChange,
  followChange,
  openReading,
  readChange,
} from './follow-change.js';

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
  options: Pick<WorkOptions, 'signal'> & { readonly settled?: MovedMembers } = {},
): Promise<MentioningObjects> {
  const graph = await readIncludeGraph(tree);
  const included = [...files].filter(([path, { before }]) =>
    isIncludedElsewhere(tree, graph, path, before === null),
  );
  const found = new FoundObjects(graph, objects);
  const readable: ChangedFile[] = [];
  for (const file of included) {
    // What cannot be told from the texts cannot be told with settled types either.
    const { undecided } = readChange(file);
    if (undecided === undefined) readable.push(file);
    else found.addUndecided(file[0], undecided);
  }
  if (readable.length === 0) return found;
  const reading = await openReading(tree, graph, directory, files, objects);
  const together = await followChange(reading, readable, options);
  if (together.undecided === undefined || readable.length === 1 || objects.length <= MANY) {
    found.add(readable, together);
    return found;
  }
  // One header that everybody includes and nobody means must not have all its includers looked at for the sake of another one.
  for (const part of readable) found.add([part], await followChange(reading, [part], options));
  return found;
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
    // Hardly any of them makes one.
    for (const object of change.pasting) this.candidates.add(object);
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

/** A source reaches its own object without being included: its static functions are no names for others. */
function isIncludedElsewhere(tree: PreparedTree, graph: IncludeGraph, path: string, isNew: boolean): boolean {
  if (!graph.isIncluded(path, isNew)) return false;
  if (!path.endsWith('.c')) return true;
  return graph.findIncluders([path]).some((object) => tree.database.find(object)?.source !== path);
}
