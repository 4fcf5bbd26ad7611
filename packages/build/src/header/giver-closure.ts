// Finds in all headers by what names code gets at some types (giver.ts), until nothing new is found.

import { GiverSearch, GiverSet } from './giver.js';
import type { HeaderSet } from './header-set.js';
import type { Pastes } from './macro-pastes.js';
import { reachOf } from './macro-reach.js';
import { findPastedNames, type KnownWords } from './pasted-names.js';
import { WordSearch } from './word-search.js';

/** With more than these, next to nothing is told from the rest. */
const MAX_GIVERS = 1000;

/** @param readKnown see findPastedNames */
export async function openGiverSearch(
  givers: GiverSet,
  pastes: Pastes,
  readKnown: () => Promise<KnownWords>,
): Promise<GiverSearch> {
  const made = givers.isOpen ? [] : [...givers.tags, ...givers.words];
  return new GiverSearch(givers, await findPastedNames(made, pastes, readKnown), reachOf(pastes));
}

/**
 * Adds to the givers those that lead to fresh ones.
 * @returns what to ask for all of them
 */
export async function followGivers(
  givers: GiverSet,
  fresh: GiverSet,
  headers: HeaderSet,
  pastes: Pastes,
): Promise<GiverSearch> {
  const readKnown = () => headers.vocabulary();
  let open = givers.add(fresh);
  while (open.size > 0 && !givers.isOpen) {
    const asked = await openGiverSearch(open, pastes, readKnown);
    const search = new WordSearch(asked.words());
    const found = new GiverSet();
    await headers.visit((path, bytes) => {
      const words = search.find(bytes);
      if (words.size > 0 && asked.mayStand(words))
        headers.split(path, bytes).addGivers(path, words, asked, found);
    });
    open = givers.add(found);
    givers.isOpen ||= givers.size > MAX_GIVERS;
  }
  return openGiverSearch(givers, pastes, readKnown);
}
