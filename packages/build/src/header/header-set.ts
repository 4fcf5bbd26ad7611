// The headers that names are followed through. They are asked again in each round, and for each file of a patch that concerns too much with
// the others, so what has been read of them stays.

import type { FileTexts } from './file-texts.js';
import { HeaderNames } from './header-closure.js';
import { Vocabulary } from './word-search.js';

/** Bytes of headers whose pieces stay in memory, where they take seven times as much: the headers of all the kernel would be a gigabyte. */
const KEPT_BYTES = 48 * 1024 * 1024;

export class HeaderSet {
  readonly paths: readonly string[];
  readonly #texts: FileTexts;
  readonly #split = new Map<string, HeaderNames>();
  #splitBytes = 0;
  #vocabulary: Promise<Vocabulary> | undefined;

  constructor(texts: FileTexts, paths: readonly string[]) {
    this.#texts = texts;
    this.paths = paths;
  }

  visit(visit: (path: string, bytes: Buffer) => void): Promise<void> {
    return this.#texts.visit(this.paths, visit);
  }

  /** Of all the headers; read when it is first asked for. */
  vocabulary(): Promise<Vocabulary> {
    this.#vocabulary ??= readVocabulary(this.#texts, this.paths);
    return this.#vocabulary;
  }

  /** The pieces of a header. */
  split(path: string, bytes: Buffer): HeaderNames {
    const known = this.#split.get(path);
    if (known !== undefined) return known;
    this.#splitBytes += bytes.length;
    if (this.#splitBytes > KEPT_BYTES) {
      this.#split.clear();
      this.#splitBytes = bytes.length;
    }
    const header = new HeaderNames(bytes.toString('latin1'));
    this.#split.set(path, header);
    return header;
  }
}

export async function readVocabulary(texts: FileTexts, paths: readonly string[]): Promise<Vocabulary> {
  const vocabulary = new Vocabulary();
  await texts.visit(paths, (_, bytes) => vocabulary.addText(bytes));
  return vocabulary;
}
