// How the macros of a tree paste names (pasted-names.ts), access members (member-uses.ts) and name structures (tag-uses.ts), collected once per tree.

import { join } from 'node:path';
import { readJson, writeWhole } from '../debian/store.js';
import { stripComments } from '../patch/source-text.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { FileTexts } from './file-texts.js';
import { MacroGraph } from './macro-graph.js';
import {
  type Paste,
  type PastePattern,
  type Pastes,
  type PastingMacro,
  scanHandedWords,
} from './macro-pastes.js';
import { listMacros, type MacroText } from './macro-text.js';
import { WordSearch } from './word-search.js';

const FILE = 'pastes.json';
const FORMAT = 6;
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
export function readTreePastes(
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
  const stored = (await readJson(file)) as (HeaderFacts & { readonly format: number }) | undefined;
  if (stored?.format === FORMAT) return stored;
  const sources = new Set(
    [...tree.database.objects()].flatMap((object) => tree.database.find(object)?.source ?? []),
  );
  const pastes = await collectPastes({ headers: headers(), sources: [...sources] }, texts);
  await writeWhole(file, JSON.stringify({ format: FORMAT, ...pastes }));
  return pastes;
}

export interface PasteFiles {
  readonly headers: readonly string[];
  /** What is compiled; from these only the macros that a header can use. */
  readonly sources: readonly string[];
}

export async function collectPastes(
  { headers, sources }: PasteFiles,
  texts: FileTexts,
): Promise<HeaderFacts> {
  const graph = new MacroGraph();
  const plain = new Set<string>();
  await texts.visit(headers, (path, bytes) => {
    const text = bytes.toString('latin1');
    if (bytes.length > LARGE_BYTES && isPlain(text)) plain.add(path);
    else for (const macro of listMacros(text)) graph.add(macro);
  });
  await texts.visitOnce(sources, (_, bytes) => {
    for (const macro of listMacrosForIncluded(bytes)) graph.add(macro);
  });
  const read = headers.filter((path) => !plain.has(path));
  const users = graph.users();
  const macros = new Set(graph.pasting.map(({ name }) => name));
  const isLeading = (macro: string) => macros.has(macro) || users.has(macro);
  return {
    pastes: groupPatterns(graph.pasting, ({ patterns }) => patterns),
    called: groupPatterns(graph.pasting, ({ called }) => called),
    users: toRows(users),
    unknown: graph.unknown(isLeading),
    appliers: graph.appliers(),
    accessors: graph.accessors(),
    taggers: graph.taggers(),
    handed: toRows(await collectHanded(read, texts, macros)),
    plain: [...plain],
  };
}

/** `#define ENTRY(x) x##_id`, and then `#include "entries.h"`. */
function listMacrosForIncluded(bytes: Buffer): Iterable<MacroText> {
  const head = bytes.subarray(0, bytes.lastIndexOf('#include') + 1);
  return head.includes('#define') ? listMacros(head.toString('latin1')) : [];
}

function groupPatterns(
  pasting: readonly PastingMacro[],
  patternsOf: (macro: PastingMacro) => readonly PastePattern[],
): readonly Paste[] {
  const pastes = new Map<string, { pattern: PastePattern; macros: Set<string> }>();
  for (const macro of pasting)
    for (const pattern of patternsOf(macro)) {
      const key = JSON.stringify(pattern);
      const known = pastes.get(key);
      if (known === undefined) pastes.set(key, { pattern, macros: new Set([macro.name]) });
      else known.macros.add(macro.name);
    }
  return [...pastes.values()].map(({ pattern, macros }) => ({ pattern, macros: [...macros] }));
}

async function collectHanded(headers: readonly string[], texts: FileTexts, macros: ReadonlySet<string>) {
  const handed = new Map<string, Set<string>>();
  const first = await scanCalls(headers, texts, macros);
  for (const [macro, , words] of first) for (const word of words) addTo(handed, word, macro);
  // A macro may hand its parameter to the one that hands the word.
  const handing = new Set(first.flatMap(([macro, , words]) => (words.length > 0 ? [macro] : [])));
  for (const [outer, macro] of await scanCalls(headers, texts, handing))
    for (const macros of handed.values()) if (macros.has(macro)) macros.add(outer);
  return handed;
}

async function scanCalls(headers: readonly string[], texts: FileTexts, macros: ReadonlySet<string>) {
  const search = new WordSearch(macros);
  const calls: (readonly [string, string, readonly string[]])[] = [];
  await texts.visit(headers, (_, bytes) => {
    if (search.find(bytes).size > 0) calls.push(...scanHandedWords(bytes.toString('latin1'), macros));
  });
  return calls;
}

function toRows(map: ReadonlyMap<string, ReadonlySet<string>>): readonly (readonly [string, ...string[]])[] {
  return [...map].map(([key, values]) => [key, ...values] as const);
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
