// Atoms: the smallest parts of a release's difference that may be taken on their own. Hunks of one file that change the same
// definition are one atom; a file whose text is no C is one atom as a whole.

import type { Hunk, PatchedFile } from '../patch/patch-model.js';
import { blankComments, isWord, listIdentifiers, type OutlineItem, outlineSource } from './c-outline.js';
import { groupBy } from './group-by.js';

export interface Atom {
  /** Path in the tree, of the new file unless it is removed. */
  readonly path: string;
  readonly file: PatchedFile;
  readonly hunks: readonly Hunk[];
  /** Names of top-level definitions that it changes, on either side. */
  readonly definitions: ReadonlySet<string>;
  /** Names that exist because of it, do no longer, or mean something else. */
  readonly added: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
  readonly resigned: ReadonlySet<string>;
  /** Of the definitions, tags of structures, unions and enums. */
  readonly tags: ReadonlySet<string>;
  /** Of the names, those of members and constants: short words that unrelated code uses too. */
  readonly members: ReadonlySet<string>;
  /** Identifier → how many more of it stand in the added lines than in the removed ones. */
  readonly balance: ReadonlyMap<string, number>;
  /** Identifiers of its changed lines. */
  readonly touched: ReadonlySet<string>;
  /** Identifiers of its hunks, context included: a call of several lines may change in one that does not name the function. */
  readonly mentions: ReadonlySet<string>;
  /** Identifiers of lines that it adds to macros and to their uses outside of functions: names of enumerators, pieces of names. */
  readonly coined: ReadonlySet<string>;
  /** Members that its added lines reach through `->` or `.`. */
  readonly accesses: ReadonlySet<string>;
  /** What its added #include lines name. */
  readonly includedFiles: readonly string[];
  /** It changes which files are included. */
  readonly includes: boolean;
}

export interface FileTexts {
  readonly before: string;
  readonly after: string;
}

/** Cuts the difference of one file into atoms. */
export function listAtoms(path: string, file: PatchedFile, texts: FileTexts): readonly Atom[] {
  const isCode = /\.[chS]$/.test(path);
  const before = openSide(isCode, texts.before);
  const after = openSide(isCode, texts.after);
  if (!isCode || file.kind !== 'modify') return [makeAtom(path, file, file.hunks, before, after)];
  const groups: { names: Set<string>; hunks: Hunk[] }[] = [];
  for (const hunk of file.hunks) {
    const names = new Set(changedItems(hunk, before, after).flatMap(({ item }) => keyOf(item)));
    const joined = groups.filter((group) => [...group.names].some((name) => names.has(name)));
    const merged = {
      names: new Set([...names, ...joined.flatMap((group) => [...group.names])]),
      hunks: [...joined.flatMap((group) => group.hunks), hunk],
    };
    groups.splice(0, groups.length, ...groups.filter((group) => !joined.includes(group)), merged);
  }
  return groups.map(({ hunks }) =>
    makeAtom(
      path,
      file,
      hunks.toSorted((a, b) => a.oldStart - b.oldStart),
      before,
      after,
    ),
  );
}

function keyOf(item: OutlineItem): readonly string[] {
  return item.name === '' ? [] : [item.name];
}

/** One version of a file. */
interface Side {
  readonly items: readonly OutlineItem[];
  /** Without comments. */
  readonly lines: readonly string[];
}

function openSide(isCode: boolean, text: string): Side {
  return {
    items: isCode ? outlineSource(text) : [],
    lines: (isCode ? blankComments(text) : text).split('\n'),
  };
}

interface ChangedItem {
  readonly item: OutlineItem;
  readonly side: '-' | '+';
  readonly line: number;
  readonly text: string;
}

/** The items that the removed and added lines of a hunk stand in. */
function changedItems(hunk: Hunk, before: Side, after: Side): readonly ChangedItem[] {
  return changedLines([hunk], before, after).flatMap(({ side, line, text }) =>
    (side === '-' ? before : after).items.flatMap((item) =>
      item.start <= line && line <= item.end ? [{ item, side, line, text }] : [],
    ),
  );
}

interface ChangedLine {
  readonly side: '-' | '+';
  readonly line: number;
  /** Without comments. */
  readonly text: string;
}

function changedLines(hunks: readonly Hunk[], before: Side, after: Side): readonly ChangedLine[] {
  return hunks.flatMap((hunk) => {
    const found: ChangedLine[] = [];
    let [old, fresh] = [hunk.oldStart, hunk.newStart];
    for (const { kind } of hunk.lines) {
      if (kind === '-') found.push({ side: '-', line: old, text: before.lines[old - 1] ?? '' });
      if (kind === '+') found.push({ side: '+', line: fresh, text: after.lines[fresh - 1] ?? '' });
      if (kind !== '+') old += 1;
      if (kind !== '-') fresh += 1;
    }
    return found;
  });
}

function makeAtom(path: string, file: PatchedFile, hunks: readonly Hunk[], before: Side, after: Side): Atom {
  const changed = hunks.flatMap((hunk) => changedItems(hunk, before, after));
  const [heads, newHeads] = [headsByName(before.items), headsByName(after.items)];
  const names = new Set(changed.flatMap(({ item }) => keyOf(item)));
  const added = new Set([...names].filter((name) => !heads.has(name)));
  const removed = new Set([...names].filter((name) => !newHeads.has(name)));
  const resigned = new Set(
    [...names].filter(
      (name) => heads.has(name) && newHeads.has(name) && heads.get(name) !== newHeads.get(name),
    ),
  );
  const members = new Set<string>();
  for (const { item, side, line, text } of changed) {
    if (item.kind !== 'aggregate' || /^\s*#/.test(text)) continue;
    for (const name of listMembers(declarationAt(side === '+' ? after : before, item, line))) {
      members.add(name);
      (side === '+' ? added : removed).add(name);
    }
  }
  for (const name of members) {
    if (!added.has(name) || !removed.has(name)) continue;
    added.delete(name);
    removed.delete(name);
    resigned.add(name);
  }
  const includes = changed.some(({ item }) => item.kind === 'include');
  const lines = changedLines(hunks, before, after);
  const balance = countIdentifiers(lines);
  const accesses = new Set(
    lines.flatMap(({ side, text }) =>
      side === '-' ? [] : [...text.matchAll(/(?:->|\.)\s*([A-Za-z_]\w*)/g)].map(([, name]) => name ?? ''),
    ),
  );
  const mentions = new Set([
    ...hunks.flatMap((hunk) => hunk.lines.flatMap(({ text }) => listIdentifiers(text))),
    ...findSlots(resigned, after),
  ]);
  const coined = new Set(
    changed.flatMap(({ item, side, text }) =>
      side === '+' && (item.kind === 'macro' || /^\w+\s*\(/.test(item.head))
        ? listIdentifiers(text).filter((name) => !isWord(name))
        : [],
    ),
  );
  return {
    path,
    file,
    hunks,
    definitions: names,
    tags: new Set(changed.flatMap(({ item }) => (item.kind === 'aggregate' ? keyOf(item) : []))),
    added,
    removed,
    resigned,
    members,
    balance,
    touched: new Set(lines.flatMap(({ text }) => listIdentifiers(text))),
    mentions,
    coined,
    accesses,
    includedFiles: hunks.flatMap((hunk) => hunk.lines.flatMap(findIncluded)),
    includes,
  };
}

function findIncluded({ kind, text }: Hunk['lines'][number]): readonly string[] {
  const name = kind === '+' ? /^\s*#\s*include\s*[<"]([^>"]+)/.exec(text)?.[1] : undefined;
  return name === undefined ? [] : [name];
}

/** Every declaration and definition of a name in the file: a prototype that is new makes another signature, one that moves does not. */
function headsByName(items: readonly OutlineItem[]): ReadonlyMap<string, string> {
  const heads = groupBy(
    items.filter(({ name }) => name !== ''),
    ({ name }) => name,
  );
  const heading = ({ head }: OutlineItem) => head.replace(/;$/, '').replace(/\s+/g, ' ').trim();
  return new Map([...heads].map(([name, found]) => [name, found.map(heading).sort().join('\n')]));
}

/** The whole declaration that a line of a structure is part of: `int (*migrate)(const struct a *a,` and what follows. */
function declarationAt({ lines }: Side, item: OutlineItem, line: number): string {
  const textOf = (at: number) => lines[at - 1] ?? '';
  if (/\benum\b/.test(item.head)) return textOf(line);
  const isEnd = (at: number) => /[;{}]\s*$|^\s*#/.test(textOf(at));
  let [first, last] = [line, line];
  while (first > item.start + 1 && !isEnd(first - 1)) first -= 1;
  while (last < item.end && !isEnd(last)) last += 1;
  return lines.slice(first - 1, last).join('\n');
}

/** `.migrate = pfkey_send_migrate` of a table: who gives the function other parameters means the member as well. */
function findSlots(names: ReadonlySet<string>, { lines }: Side): readonly string[] {
  if (names.size === 0) return [];
  return lines.flatMap((text) => {
    const [, member, name] = /\.(\w+)\s*=\s*&?(\w+)\s*,?\s*$/.exec(text) ?? [];
    return member !== undefined && name !== undefined && names.has(name) ? [member] : [];
  });
}

/** `u32 a, b : 3;`, `int (*f)(void);`, `FOO_BAR = 1,`. */
function listMembers(code: string): readonly string[] {
  const pointer = /\(\s*\*\s*(\w+)\s*\)/.exec(code)?.[1];
  if (pointer !== undefined) return [pointer];
  const names = code.matchAll(/([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*(?::\s*\w+\s*)?(?:=[^,;]*)?(?=[;,]|\s*$)/g);
  return [...names].flatMap(([, name]) => (name === undefined || isWord(name) ? [] : [name]));
}

function countIdentifiers(lines: readonly ChangedLine[]): ReadonlyMap<string, number> {
  const balance = new Map<string, number>();
  for (const { side, text } of lines) {
    for (const name of listIdentifiers(text)) {
      if (!isWord(name)) balance.set(name, (balance.get(name) ?? 0) + (side === '+' ? 1 : -1));
    }
  }
  return balance;
}
