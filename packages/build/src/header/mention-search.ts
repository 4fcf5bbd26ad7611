// Whether a source uses one of the names that change: they are written in its code, or its words are those that a macro would paste a name from.
// Whatever the bytes have is found first, at the speed of the disk; comments and messages, in which words such as `tcp`, `is` and `migrate` stand, are
// taken away only from what was found.

import { sourceText, stripProse } from '../patch/source-text.js';
import type { PastedNames } from './pasted-names.js';
import { WordSearch } from './word-search.js';

export type Mention = 'written' | 'pasted';

export class MentionSearch {
  readonly #words: ReadonlySet<string>;
  readonly #pasted: Pick<PastedNames, 'canMake' | 'pieces'>;
  readonly #search: WordSearch;

  constructor(words: ReadonlySet<string>, pasted: Pick<PastedNames, 'canMake' | 'pieces'>) {
    this.#words = words;
    this.#pasted = pasted;
    this.#search = new WordSearch([...words, ...pasted.pieces()]);
  }

  /** @param path tells the language */
  find(path: string, bytes: Uint8Array): Mention | undefined {
    const mention = this.#judge(bytes);
    // What is a comment in assembly depends on the assembler.
    if (mention === undefined || !/\.[ch]$/.test(path)) return mention;
    const text = sourceText(bytes);
    // A name in quotes says there which function another name stands for.
    if (/\b(?:__)?(?:alias|weakref)/.test(text)) return mention;
    return this.#judge(Buffer.from(stripProse(text), 'latin1'));
  }

  #judge(bytes: Uint8Array): Mention | undefined {
    const found = this.#search.find(bytes);
    for (const word of found) if (this.#words.has(word)) return 'written';
    return this.#pasted.canMake(found) ? 'pasted' : undefined;
  }
}
