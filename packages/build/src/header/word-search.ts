// Which of some words a text mentions, over hundreds of megabytes of sources in a second or two: identifiers are hashed while the
// bytes go by, and a bit map tells nearly all of them away before a string is made. Comments are not told from code: an answer
// that names too much costs a compiler run, one that names too little would lose a change.

const MAP_BITS = 22;
/** FNV-1a; its offset and prime. */
const OFFSET = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

export class WordSearch {
  readonly #words: ReadonlySet<string>;
  readonly #map = new Uint8Array(1 << (MAP_BITS - 3));

  constructor(words: Iterable<string>) {
    this.#words = new Set(words);
    for (const word of this.#words) {
      const bit = foldHash(hashWord(word));
      this.#map[bit >> 3] = (this.#map[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
  }

  /** Those of the words that are whole identifiers in the text. */
  find(text: Uint8Array): ReadonlySet<string> {
    const found = new Set<string>();
    if (this.#words.size === 0) return found;
    const map = this.#map;
    const end = text.length;
    let at = 0;
    while (at < end) {
      if (IS_WORD[text[at] as number] === 0) {
        at += 1;
        continue;
      }
      const start = at;
      let hash = OFFSET;
      for (let byte = text[at] as number; at < end && IS_WORD[byte] === 1; byte = text[++at] as number)
        hash = Math.imul(hash ^ byte, PRIME);
      const bit = foldHash(hash);
      if (((map[bit >> 3] as number) & (1 << (bit & 7))) === 0) continue;
      const word = Buffer.from(text.buffer, text.byteOffset + start, at - start).toString('latin1');
      if (this.#words.has(word)) found.add(word);
    }
    return found;
  }
}

const IS_WORD = Uint8Array.from({ length: 256 }, (_, code) =>
  /[\w$]/.test(String.fromCharCode(code)) ? 1 : 0,
);

function hashWord(word: string): number {
  let hash = OFFSET;
  for (let at = 0; at < word.length; at += 1) hash = Math.imul(hash ^ word.charCodeAt(at), PRIME);
  return hash;
}

function foldHash(hash: number): number {
  return (hash ^ (hash >>> 15)) & ((1 << MAP_BITS) - 1);
}
