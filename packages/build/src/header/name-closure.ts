// Follows changed names through all headers that the includers read, until nothing new is found.

import { type ChangedNames, NameSet } from './changed-names.js';
import type { Asked } from './header-closure.js';
import type { HeaderSet } from './header-set.js';
import type { Pastes } from './macro-pastes.js';
import { reachOf } from './macro-reach.js';
import { MemberUses } from './member-uses.js';
import { findPastedNames, type PastedNames } from './pasted-names.js';
import { WordSearch } from './word-search.js';

/** More names than this single nobody out. */
const MAX_NAMES = 800;

/**
 * What each header of events, or its source, defines for itself: `#define TRACE_SYSTEM tcp`. They only look like parts of names, and the machinery for
 * all events, which stands under `#ifdef CREATE_TRACE_POINTS`, does not change by them.
 */
const SAID_FOR_EVENTS = ['CREATE_TRACE_POINTS', 'TRACE_SYSTEM', 'TRACE_INCLUDE_FILE', 'TRACE_INCLUDE_PATH'];

export interface FollowedNames {
  readonly words: ReadonlySet<string>;
  readonly members: ReadonlySet<string>;
  /** Headers that make code, or cannot be read as pieces, and mention a changed name: all that include them are concerned. */
  readonly carriers: readonly string[];
  readonly undecided: string | undefined;
}

type Fresh = Pick<ChangedNames, 'words' | 'members' | 'types'>;

/** @param unpasted names that nobody makes by pasting */
export async function followNames(
  seeds: readonly ChangedNames[],
  headers: HeaderSet,
  pastes: Pastes,
  unpasted: ReadonlySet<string> = new Set(),
): Promise<FollowedNames> {
  const follower = new Follower(headers, pastes, unpasted);
  let fresh: Fresh | undefined = follower.take(seeds);
  while (fresh !== undefined && follower.undecided === undefined) {
    const found: NameSet[] = [];
    const question = await follower.prepare(fresh);
    await headers.visit((path, bytes) => {
      const names = follower.ask(path, bytes, question);
      if (names !== undefined) found.push(names);
    });
    fresh = follower.take(found, SAID_FOR_EVENTS);
  }
  return {
    words: follower.words,
    members: follower.members,
    carriers: [...follower.carriers],
    undecided: follower.undecided,
  };
}

/** What all headers are asked in one round. */
interface Question {
  readonly fresh: Fresh;
  readonly pasted: PastedNames;
  readonly members: MemberUses;
  readonly search: WordSearch;
}

class Follower {
  readonly words = new Set<string>();
  readonly members = new Set<string>();
  readonly carriers = new Set<string>();
  undecided: string | undefined;
  readonly #types = new Set<string>();
  readonly #headers: HeaderSet;
  readonly #pastes: Pastes;
  readonly #unpasted: ReadonlySet<string>;

  /** @param unpasted names that nobody makes by pasting */
  constructor(headers: HeaderSet, pastes: Pastes, unpasted: ReadonlySet<string>) {
    this.#headers = headers;
    this.#pastes = pastes;
    this.#unpasted = unpasted;
  }

  /** What is new in them, but for names that are not to be followed; undefined when nothing is. */
  take(sets: readonly Fresh[], ignored: readonly string[] = []): Fresh | undefined {
    const fresh = { words: new Set<string>(), members: new Set<string>(), types: new Set<string>() };
    for (const set of sets) {
      for (const type of set.types) if (!this.#types.has(type)) fresh.types.add(type);
      for (const word of set.words) if (!this.words.has(word)) fresh.words.add(word);
      for (const name of set.members) if (!this.members.has(name)) fresh.members.add(name);
    }
    for (const name of ignored) fresh.words.delete(name);
    for (const type of fresh.types) this.#types.add(type);
    for (const name of fresh.members) this.members.add(name);
    // In a source, a type is a word like others.
    for (const word of [...fresh.words, ...fresh.types]) this.words.add(word);
    if (this.words.size + this.members.size > MAX_NAMES)
      this.undecided = `it concerns more than ${MAX_NAMES} names`;
    return fresh.words.size + fresh.members.size + fresh.types.size > 0 ? fresh : undefined;
  }

  async prepare(fresh: Fresh): Promise<Question> {
    const names = [...fresh.words, ...fresh.members, ...fresh.types];
    const pasted = await findPastedNames(
      names.filter((name) => !this.#unpasted.has(name)),
      this.#pastes,
      () => this.#headers.vocabulary(),
    );
    return {
      fresh,
      pasted,
      members: new MemberUses(fresh.members, reachOf(this.#pastes).accessors),
      search: new WordSearch([...names, ...pasted.pieces()]),
    };
  }

  ask(path: string, bytes: Buffer, { fresh, search, pasted, members }: Question): NameSet | undefined {
    const found = search.find(bytes);
    const isNamed = [...found].some(
      (word) => fresh.words.has(word) || fresh.members.has(word) || fresh.types.has(word),
    );
    if (!isNamed && !pasted.canMake(found)) return undefined;
    const header = this.#headers.split(path, bytes);
    const isMade: Asked['isMade'] = (tokens, sites) =>
      pasted.canMake(new Set(tokens.filter((token) => found.has(token)))) && pasted.canMakeAt(sites(tokens));
    const isAccessed: Asked['isAccessed'] = (tokens, sites) => members.isIn(tokens, sites);
    const names = header.follow({ ...fresh, found, isAccessed, isMade }) ?? new NameSet();
    if (!header.isReadable || names.emitted) this.carriers.add(path);
    return names;
  }
}
