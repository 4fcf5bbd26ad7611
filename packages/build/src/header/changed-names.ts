// The names through which other code can depend on what a patch changes in a header. Compared are the pieces of both texts, not lines:
// a comment, a blank or a moved line changes nothing. What cannot be told is `undecided`, and then every includer is looked at.

import { type Chunk, identify, splitChunks } from './chunk.js';
import {
  type ChunkShape,
  constantNames,
  isPlainPrototype,
  memberNames,
  type RecordShape,
  readShape,
} from './chunk-shape.js';
import { GiverSet } from './giver.js';

export interface ChangedNames {
  /** Whoever mentions one of them may compile to something else. */
  readonly words: ReadonlySet<string>;
  /** Members of structures: whoever accesses one may, where something gives one of the structures. */
  readonly members: ReadonlySet<string>;
  /** The structures. */
  readonly owners: GiverSet;
  /** Macros that access one of the members of what they are given. */
  readonly accesses: ReadonlySet<string>;
  /** Tags of structures whose size or layout may change. */
  readonly tags: ReadonlySet<string>;
  /** Names of such types that need no `struct` before them. */
  readonly types: ReadonlySet<string>;
  /** Those of the words and members that the header does not have before: whoever made one by pasting has not compiled, or has made it for itself. */
  readonly introduced: ReadonlySet<string>;
  /** The file itself makes code or data in whoever includes it, and that changes. */
  readonly emitted: boolean;
  /** Only macros change, so that preprocessing tells who is affected. */
  readonly onlyMacros: boolean;
  /** Why nothing can be said. */
  readonly undecided: string | undefined;
}

/** Tags of structs and unions that keep their size, with the members that do not stay where they are, as a compiler has laid them out. */
export type MovedMembers = ReadonlyMap<string, readonly string[]>;

/**
 * Compares two versions of a header.
 * @param settled of these, only who names a moved member can tell the difference
 * @param brought what the whole change brings, see {@link findBrought}
 */
export function findChangedNames(
  before: string,
  after: string,
  settled: MovedMembers = new Map(),
  brought: ReadonlySet<string> = new Set(),
): ChangedNames {
  const [old, fresh] = [splitChunks(before), splitChunks(after)];
  const names = new NameSet();
  if (!old.whole || !fresh.whole) return names.finish('its braces do not pair up');
  const [oldIds, freshIds] = [old.chunks.map(identify), fresh.chunks.map(identify)];
  const gone = missingFrom(old.chunks, oldIds, freshIds);
  const come = missingFrom(fresh.chunks, freshIds, oldIds);
  const odd = [...gone, ...come].find(({ kind }) => kind === 'include' || kind === 'directive');
  if (odd !== undefined) return names.finish(`#${odd.tokens.join(' ')} changes`);
  const option = [...gone, ...come].find(isOverride)?.tokens[1];
  if (option !== undefined) return names.finish(`it says itself what ${option} is`);
  if (!isSameOrder(oldIds, freshIds)) return names.finish('definitions change places');
  const pairs = pairRecords(gone, come);
  for (const [a, b] of pairs.records) names.addRecordChange(a, b, settled);
  // Who compiled without a prototype that comes has had the same one from elsewhere, or does not call the function. One that goes, and nothing
  // comes for it, is there from elsewhere and of the same type, or a call does not compile.
  const own = tokensOf(come);
  const isReplaced = (name: string) => own.has(name) || brought.has(name);
  const isIdle = (chunk: Chunk, shape: ChunkShape) =>
    isPlainPrototype(chunk.tokens) &&
    (come.includes(chunk) || (shape.kind === 'declaration' && !shape.names.some(isReplaced)));
  for (const chunk of pairs.others) {
    const shape = readShape(chunk);
    if (!isIdle(chunk, shape)) names.addChunk(shape);
  }
  const known = new Set(
    old.chunks.flatMap(({ tokens, conditions }) => [...tokens, ...conditions.split(' ')]),
  );
  return names.finish(undefined, known);
}

/** Conditions that the configuration decides (tree/include-condition.ts) may then be others. */
function isOverride({ kind, tokens }: Chunk): boolean {
  return kind === 'define' && /^CONFIG_/.test(tokens[1] ?? '');
}

/** Every word of the pieces that a change brings. */
export function findBrought(before: string, after: string): ReadonlySet<string> {
  const old = new Set(splitChunks(before).chunks.map(identify));
  return tokensOf(splitChunks(after).chunks.filter((chunk) => !old.has(identify(chunk))));
}

function tokensOf(chunks: readonly Chunk[]): ReadonlySet<string> {
  return new Set(chunks.flatMap(({ tokens }) => tokens));
}

/** Collects what a changed piece makes changed; also used by the closure over other headers. */
export class NameSet {
  readonly words = new Set<string>();
  readonly members = new Set<string>();
  readonly owners = new GiverSet();
  readonly accesses = new Set<string>();
  readonly tags = new Set<string>();
  readonly types = new Set<string>();
  emitted = false;
  #onlyMacros = true;

  addChunk(shape: ChunkShape): void {
    this.#onlyMacros &&= shape.kind === 'define';
    if (shape.kind === 'define') this.words.add(shape.name);
    else if (shape.kind === 'record') this.addMembers(shape, 0);
    else if (shape.kind === 'enum') this.addConstants(shape.constants, shape.declared, 0);
    else if (shape.kind === 'typedef') for (const name of shape.names) this.types.add(name);
    else if (shape.kind === 'call') this.addCall(shape);
    else if (shape.kind !== 'forward') {
      for (const name of shape.names) this.words.add(name);
      this.emitted ||= shape.kind !== 'declaration' && shape.emitted;
    }
  }

  /** All members from one on move, and so does whatever holds the type. */
  addMembers(shape: RecordShape, from: number): void {
    this.addMembersOf(shape, shape.members.slice(from));
    this.addWords(shape.declared);
    if (shape.tag !== undefined) this.tags.add(shape.tag);
    for (const name of shape.declared) this.types.add(name);
  }

  /** Only these of a structure's members. */
  addMembersOf(
    shape: RecordShape,
    members: readonly (readonly string[])[],
    moved: readonly string[] = [],
  ): void {
    const isNamed = this.owners.addOwner(shape);
    for (const name of [...moved, ...members.flatMap(memberNames)])
      (isNamed ? this.members : this.words).add(name);
  }

  addConstants(constants: readonly (readonly string[])[], declared: readonly string[], from: number): void {
    const changed = constants.slice(from);
    for (const constant of changed) this.addWords(constantNames(constant));
    // What is included among the constants names others.
    this.emitted ||= changed.some((constant) => constant.join(' ').includes('# include'));
    this.addWords(declared);
  }

  /**
   * A macro that stands by itself declares what its arguments say, under names that contain them; whoever uses those includes the file,
   * and all that do are looked at.
   */
  addCall({ macro, arguments: words }: Extract<ChunkShape, { kind: 'call' }>): void {
    this.emitted = true;
    if (/^(?:TRACE|DECLARE|DEFINE)_(?:\w+_)?EVENT/.test(macro)) {
      const [first = '', second = ''] = words;
      // The event, or its class and then the event; users call trace_EVENT.
      const events = [first, second].filter((name) => name !== '' && !name.startsWith('TP_'));
      this.addWords([first, ...events.map((name) => `trace_${name}`)]);
    }
  }

  addRecordChange(before: Chunk, after: Chunk, settled: MovedMembers): void {
    const [a, b] = [readShape(before), readShape(after)];
    this.#onlyMacros = false;
    const moved = a.kind === 'record' && a.tag !== undefined ? settled.get(a.tag) : undefined;
    if (a.kind === 'record' && b.kind === 'record' && moved !== undefined) {
      // Only who names a member that has moved, is gone or declared otherwise can tell the difference: nobody has known the new ones.
      this.addMembersOf(a, without(a.members, b.members), moved);
    } else if (a.kind === 'record' && b.kind === 'record') {
      const from = firstDifference(a.members, b.members);
      // Only a macro that is defined among them.
      if (from === a.members.length && from === b.members.length) return;
      this.addMembers(a, from);
      this.addMembers(b, from);
    } else if (a.kind === 'enum' && b.kind === 'enum') {
      const from = firstDifference(a.constants, b.constants);
      this.addConstants(a.constants, a.declared, from);
      this.addConstants(b.constants, b.declared, from);
    }
  }

  addWords(words: readonly string[]): void {
    for (const word of words) this.words.add(word);
  }

  /** @param known what the header spells before the change */
  finish(undecided: string | undefined, known?: ReadonlySet<string>): ChangedNames {
    const { words, members, owners, accesses, tags, types, emitted } = this;
    const names = known === undefined ? [] : [...words, ...members];
    const introduced = new Set(names.filter((word) => known?.has(word) === false));
    return {
      words,
      members,
      owners,
      accesses,
      tags,
      types,
      introduced,
      emitted,
      onlyMacros: this.#onlyMacros,
      undecided,
    };
  }
}

function missingFrom(chunks: readonly Chunk[], ids: readonly string[], others: readonly string[]): Chunk[] {
  const count = new Map<string, number>();
  for (const id of others) count.set(id, (count.get(id) ?? 0) + 1);
  return chunks.filter((_, at) => {
    const left = count.get(ids[at] ?? '') ?? 0;
    count.set(ids[at] ?? '', left - 1);
    return left <= 0;
  });
}

function isSameOrder(a: readonly string[], b: readonly string[]): boolean {
  const [inA, inB] = [new Set(a), new Set(b)];
  const common = a.filter((id) => inB.has(id));
  const other = b.filter((id) => inA.has(id));
  const key = (ids: readonly string[]) => [...new Set(ids)].join('\0');
  return key(common) === key(other);
}

interface Pairs {
  readonly records: readonly (readonly [Chunk, Chunk])[];
  readonly others: readonly Chunk[];
}

/** The same structure or enumeration before and after, if nothing else is called so. */
function pairRecords(gone: readonly Chunk[], come: readonly Chunk[]): Pairs {
  const records: (readonly [Chunk, Chunk])[] = [];
  const paired = new Set<Chunk>();
  for (const before of gone) {
    const key = headOf(before);
    const after = come.filter((chunk) => headOf(chunk) === key);
    const [only] = after;
    const alone = gone.filter((chunk) => headOf(chunk) === key).length === 1;
    if (key === undefined || only === undefined || after.length > 1 || !alone) continue;
    records.push([before, only]);
    paired.add(before).add(only);
  }
  return { records, others: [...gone, ...come].filter((chunk) => !paired.has(chunk)) };
}

/** Everything of a structure or enumeration but its members: what is before and behind the braces, and the conditions. */
function headOf(chunk: Chunk): string | undefined {
  const shape = chunk.kind === 'code' ? readShape(chunk) : undefined;
  if (shape?.kind !== 'record' && shape?.kind !== 'enum') return undefined;
  const { tokens } = chunk;
  const head = tokens.slice(0, tokens.indexOf('{'));
  return [chunk.conditions, ...head, '{', ...tokens.slice(tokens.lastIndexOf('}'))].join(' ');
}

/** Members that the others do not have; what conditions they stand under, a settled layout has answered. */
function without(
  members: readonly (readonly string[])[],
  others: readonly (readonly string[])[],
): readonly (readonly string[])[] {
  // Directives among members stand between two `#`.
  const plain = (member: readonly string[]) => member.join(' ').replace(/# (?:\w+ )[^#]*# ?/g, '');
  const texts = new Set(others.map(plain));
  return members.filter((member) => !texts.has(plain(member)));
}

function firstDifference(a: readonly (readonly string[])[], b: readonly (readonly string[])[]): number {
  const at = a.findIndex((part, index) => part.join(' ') !== b[index]?.join(' '));
  return at < 0 ? a.length : at;
}
