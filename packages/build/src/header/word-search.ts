// Which of some words a text mentions, over hundreds of megabytes of sources in a second or two: identifiers are hashed while the
// bytes go by, and a bit map tells nearly all of them away before a string is made. Comments are not told from code: an answer
// that names too much costs a compiler run, one that names too little would lose a change.

/** FNV-1a; its offset and prime. */
const OFFSET = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

export class WordSearch {
  readonly #hashes = new HashSet(22);
  /** Hash → the words that have it, nearly always one. */
  readonly #words = new Map<number, string[]>();

  constructor(words: Iterable<string>) {
    for (const word of new Set(words)) {
      const hash = hashWord(word);
      this.#hashes.add(hash);
      this.#words.set(hash, [...(this.#words.get(hash) ?? []), word]);
    }
  }

  /** Those of the words that are whole identifiers in the text. */
  find(text: Uint8Array): ReadonlySet<string> {
    const found = new Set<string>();
    if (this.#words.size === 0) return found;
    const hashes = this.#hashes;
    visitWords(text, (hash, start, end) => {
      if (!hashes.has(hash)) return;
      for (const word of this.#words.get(hash) ?? []) {
        // Among the words are such as `dev` and `i`, a thousand times in a text: no string is made for one that has been found.
        if (found.has(word)) continue;
        if (word === Buffer.from(text.buffer, text.byteOffset + start, end - start).toString('latin1'))
          found.add(word);
      }
    });
    return found;
  }
}

/** The identifiers of many texts. There are more than a million in the headers of 6.1, so only a bit of each is kept. */
export class Vocabulary {
  readonly #hashes = new HashSet(24);

  addText(text: Uint8Array): void {
    visitWords(text, (hash) => this.#hashes.add(hash));
  }

  /** False only for what none of the texts has; true by chance for one in twelve of those. */
  has(word: string): boolean {
    return this.#hashes.has(hashWord(word));
  }
}

/** One bit for each hash, of which a few share one. */
class HashSet {
  readonly #bits: Uint8Array;
  readonly #mask: number;

  /** @param width the number of bits is 2 to the power of it */
  constructor(width: number) {
    this.#bits = new Uint8Array(1 << (width - 3));
    this.#mask = (1 << width) - 1;
  }

  add(hash: number): void {
    const bit = this.#fold(hash);
    this.#bits[bit >> 3] = (this.#bits[bit >> 3] as number) | (1 << (bit & 7));
  }

  has(hash: number): boolean {
    const bit = this.#fold(hash);
    return ((this.#bits[bit >> 3] as number) & (1 << (bit & 7))) !== 0;
  }

  #fold(hash: number): number {
    return (hash ^ (hash >>> 15)) & this.#mask;
  }
}

const IS_WORD = Uint8Array.from({ length: 256 }, (_, code) =>
  /[\w$]/.test(String.fromCharCode(code)) ? 1 : 0,
);

function visitWords(text: Uint8Array, visit: (hash: number, start: number, end: number) => void): void {
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
    visit(hash, start, at);
  }
}

function hashWord(word: string): number {
  let hash = OFFSET;
  for (let at = 0; at < word.length; at += 1) hash = Math.imul(hash ^ word.charCodeAt(at), PRIME);
  return hash;
}
