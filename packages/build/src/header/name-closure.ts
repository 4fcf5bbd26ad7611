// Follows changed names through all headers that the includers read, until nothing new is found.

import { type ChangedNames, NameSet } from './changed-names.js';
import { SAID_FOR_EVENTS } from './chunk-shape.js';
import { type GiverSearch, GiverSet } from './giver.js';
import { followGivers } from './giver-closure.js';
import type { Asked } from './header-closure.js';
import type { HeaderSet } from './header-set.js';
import type { Pastes } from './macro-pastes.js';
import { reachOf } from './macro-reach.js';
import { MemberUses } from './member-uses.js';
import { findPastedNames, type PastedNames } from './pasted-names.js';
import { TagUses } from './tag-uses.js';
import { WordSearch } from './word-search.js';

/** More names than this single nobody out. */
const MAX_NAMES = 800;

export interface FollowedNames {
  readonly words: ReadonlySet<string>;
  readonly members: ReadonlySet<string>;
  readonly owners: GiverSet;
  readonly accesses: ReadonlySet<string>;
  readonly tags: ReadonlySet<string>;
  /** Headers that make code, or cannot be read as pieces, and mention a changed name: all that include them are concerned. */
  readonly carriers: readonly string[];
  readonly undecided: string | undefined;
}

type Fresh = Pick<ChangedNames, 'words' | 'members' | 'owners' | 'accesses' | 'tags' | 'types'>;

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
    owners: follower.givers,
    accesses: follower.accesses,
    tags: follower.tags,
    carriers: [...new Set([...follower.carriers, ...follower.givers.carriers()])],
    undecided: follower.undecided,
  };
}

/** What all headers are asked in one round. */
interface Question {
  readonly fresh: Fresh;
  readonly pasted: PastedNames;
  readonly pastedMembers: PastedNames;
  /** Fresh ones; all so far where a structure is fresh: what gives it may give it with a member that was found before. */
  readonly members: ReadonlySet<string>;
  readonly accesses: ReadonlySet<string>;
  readonly uses: MemberUses;
  readonly givers: GiverSearch;
  readonly tags: TagUses;
  readonly search: WordSearch;
}

class Follower {
  readonly words = new Set<string>();
  readonly members = new Set<string>();
  readonly tags = new Set<string>();
  readonly givers = new GiverSet();
  readonly accesses = new Set<string>();
  readonly carriers = new Set<string>();
  undecided: string | undefined;
  readonly #types = new Set<string>();
  #giverSearch: GiverSearch | undefined;
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
  take(sets: readonly Fresh[], ignored: Iterable<string> = []): Fresh | undefined {
    const fresh = {
      words: new Set<string>(),
      members: new Set<string>(),
      tags: new Set<string>(),
      types: new Set<string>(),
      owners: new GiverSet(),
      accesses: new Set<string>(),
    };
    for (const set of sets) {
      fresh.owners.add(set.owners);
      for (const name of set.accesses) if (!this.accesses.has(name)) fresh.accesses.add(name);
      for (const tag of set.tags) if (!this.tags.has(tag)) fresh.tags.add(tag);
      for (const type of set.types) if (!this.#types.has(type)) fresh.types.add(type);
      for (const word of set.words) if (!this.words.has(word)) fresh.words.add(word);
      for (const name of set.members) if (!this.members.has(name)) fresh.members.add(name);
    }
    for (const name of ignored) {
      fresh.words.delete(name);
      fresh.accesses.delete(name);
    }
    for (const type of fresh.types) this.#types.add(type);
    for (const name of fresh.members) this.members.add(name);
    for (const tag of fresh.tags) this.tags.add(tag);
    for (const name of fresh.accesses) this.accesses.add(name);
    // In a source, a type is a word like others.
    for (const word of [...fresh.words, ...fresh.types]) this.words.add(word);
    if (this.words.size + this.members.size + this.tags.size > MAX_NAMES)
      this.undecided = `it concerns more than ${MAX_NAMES} names`;
    const { owners, ...names } = fresh;
    const isKnown = owners.isWithin(this.givers) && Object.values(names).every(({ size }) => size === 0);
    return isKnown ? undefined : fresh;
  }

  async prepare(fresh: Fresh): Promise<Question> {
    const names = [...fresh.words, ...fresh.tags, ...fresh.types];
    const reach = reachOf(this.#pastes);
    const readPasted = (some: Iterable<string>) =>
      findPastedNames(
        [...some].filter((name) => !this.#unpasted.has(name)),
        this.#pastes,
        () => this.#headers.vocabulary(),
      );
    const { owners } = fresh;
    const isGrown = !owners.isWithin(this.givers);
    const { members, accesses } = isGrown ? this : fresh;
    if (isGrown || this.#giverSearch === undefined)
      this.#giverSearch = await followGivers(this.givers, owners, this.#headers, this.#pastes);
    const [pasted, pastedMembers] = [await readPasted(names), await readPasted(members)];
    return {
      fresh,
      pasted,
      pastedMembers,
      members,
      accesses,
      uses: new MemberUses(members, reach.accessors),
      givers: this.#giverSearch,
      tags: new TagUses(fresh.tags, reach.taggers),
      search: new WordSearch([
        ...names,
        ...members,
        ...accesses,
        ...pasted.pieces(),
        ...pastedMembers.pieces(),
      ]),
    };
  }

  ask(path: string, bytes: Buffer, question: Question): NameSet | undefined {
    const { fresh, search, pasted, pastedMembers, members, accesses, uses, givers, tags } = question;
    const found = search.find(bytes);
    const isNamed = [...found].some(
      (word) =>
        fresh.words.has(word) ||
        fresh.tags.has(word) ||
        fresh.types.has(word) ||
        members.has(word) ||
        accesses.has(word),
    );
    if (!isNamed && !pasted.canMake(found) && !pastedMembers.canMake(found)) return undefined;
    const header = this.#headers.split(path, bytes);
    const isMade: Asked['isMade'] = (tokens, sites) => pasted.canMakeIn(tokens, sites);
    const namesMember: Asked['namesMember'] = (tokens, sites) =>
      tokens.some((token) => accesses.has(token)) ||
      uses.isIn(tokens, sites) ||
      pastedMembers.canMakeIn(tokens, sites);
    const isAccessed: Asked['isAccessed'] = (tokens, sites) =>
      namesMember(tokens, sites) && givers.isIn(tokens, sites);
    const names = header.follow({ ...fresh, found, tags, namesMember, isAccessed, isMade }) ?? new NameSet();
    if (!header.isReadable || names.emitted) this.carriers.add(path);
    return names;
  }
}
