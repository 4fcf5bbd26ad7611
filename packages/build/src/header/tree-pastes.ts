// How the headers of a tree paste names (pasted-names.ts), collected once per tree.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, writeWhole } from '../debian/store.js';
import { stripComments } from '../patch/source-text.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { FileTexts } from './file-texts.js';
import { type PastePattern, type Pastes, scanHandedWords, scanPastes } from './pasted-names.js';
import { WordSearch } from './word-search.js';

const FILE = 'pastes.json';
const FORMAT = 2;
const PLAIN_LINE =
  /^\s*(?:#\s*(?:define\s+\w+(?:\s+\(?(?:0[xX][\da-fA-F]+|\d+)[uUlL]*\)?)?|ifndef\s+\w+|endif)\s*)?$/;
const LARGE_BYTES = 64 * 1024;

export interface HeaderFacts extends Pastes {
  /** Large headers in which macros stand for numbers and nothing else is: 380 of 486 MB of the headers of 6.1 describe registers of GPUs. */
  readonly plain: readonly string[];
}

/**
 * From the cache, else by reading `headers`, which must be all that objects of the tree can include: half a gigabyte, so those who ask
 * at the same time wait for one reading.
 */
export function readPastes(
  tree: PreparedTree,
  headers: () => readonly string[],
  texts: FileTexts,
): Promise<HeaderFacts> {
  const known = READ.get(tree);
  if (known !== undefined) return known;
  const facts = readOrCollect(tree, headers, texts);
  READ.set(tree, facts);
  // What failed may succeed for the next one: a disk that was full.
  facts.catch(() => READ.delete(tree));
  return facts;
}

const READ = new WeakMap<PreparedTree, Promise<HeaderFacts>>();

async function readOrCollect(
  tree: PreparedTree,
  headers: () => readonly string[],
  texts: FileTexts,
): Promise<HeaderFacts> {
  const file = join(tree.home, FILE);
  try {
    const stored = JSON.parse(await readFile(file, 'utf8')) as HeaderFacts & { readonly format: number };
    if (stored.format === FORMAT) return stored;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const pastes = await collectPastes(headers(), texts);
  await writeWhole(file, JSON.stringify({ format: FORMAT, ...pastes }));
  return pastes;
}

export async function collectPastes(headers: readonly string[], texts: FileTexts): Promise<HeaderFacts> {
  const patterns = new Map<string, PastePattern>();
  const macros = new Set<string>();
  const plain: string[] = [];
  await texts.visit(headers, (path, bytes) => {
    if (bytes.length > LARGE_BYTES && isPlain(bytes.toString('latin1'))) plain.push(path);
    if (!bytes.includes('##')) return;
    const found = scanPastes(bytes.toString('latin1'));
    for (const pattern of found.patterns) patterns.set(JSON.stringify(pattern), pattern);
    for (const macro of found.macros) macros.add(macro);
  });
  const handed = new Map<string, Set<string>>();
  const first = await scanCalls(headers, texts, macros);
  for (const [macro, , words] of first) for (const word of words) addTo(handed, word, macro);
  // A macro may hand its parameter to the one that hands the word.
  const handing = new Set(first.flatMap(([macro, , words]) => (words.length > 0 ? [macro] : [])));
  for (const [outer, macro] of await scanCalls(headers, texts, handing))
    for (const macros of handed.values()) if (macros.has(macro)) macros.add(outer);
  return {
    patterns: [...patterns.values()],
    handed: [...handed].map(([word, macros]) => [word, ...macros] as const),
    plain,
  };
}

async function scanCalls(headers: readonly string[], texts: FileTexts, macros: ReadonlySet<string>) {
  const search = new WordSearch(macros);
  const calls: (readonly [string, string, readonly string[]])[] = [];
  await texts.visit(headers, (_, bytes) => {
    if (search.find(bytes).size > 0) calls.push(...scanHandedWords(bytes.toString('latin1'), macros));
  });
  return calls;
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, new Set([value]));
  else known.add(value);
}

function isPlain(text: string): boolean {
  return stripComments(text)
    .split('\n')
    .every((line) => PLAIN_LINE.test(line));
}
