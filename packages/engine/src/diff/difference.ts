// The first instruction at which two versions of a function part, as text: the answer to "why is this function changed?".

import type { DisassembledLine, Instruction } from '../x86/instruction.js';
import { disassemble } from '../x86/instruction.js';
import type { Comparer, Side } from './compare.js';
import type { Definition, Reference, Target } from './definition.js';

export interface Difference {
  readonly offsetBefore: number;
  readonly offsetAfter: number;
  readonly before: string;
  readonly after: string;
}

/**
 * Walks both functions side by side. Branch distances inside a function are not compared (they change whenever anything
 * between changes), so the difference named is a real one; undefined when only such distances or table entries differ.
 */
export function findDifference(
  comparer: Comparer,
  pre: Side,
  before: Definition,
  post: Side,
  after: Definition,
): Difference | undefined {
  const old = new FunctionView(pre, before);
  const now = new FunctionView(post, after);
  for (let index = 0; ; index++) {
    const a = old.instructions[index];
    const b = now.instructions[index];
    if (a === undefined && b === undefined) return undefined;
    if (a !== undefined && b !== undefined && old.equals(a, now, b, comparer)) continue;
    return {
      offsetBefore: a?.offset ?? before.size,
      offsetAfter: b?.offset ?? after.size,
      before: a === undefined ? '(end of function)' : old.text(index),
      after: b === undefined ? '(end of function)' : now.text(index),
    };
  }
}

/** `name`, `name+0x10`, or the text of a string. */
export function describeTarget(target: Target, side: Side): string {
  if ('symbol' in target) return withOffset(target.symbol, target.offset);
  const { definition } = target;
  if (definition.kind === 'string') {
    const text = Buffer.from(side.object.bytesOf(definition)).toString('utf8').replace(/\0+$/, '');
    return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
  }
  return withOffset(definition.name, target.offset);
}

class FunctionView {
  readonly instructions: readonly Instruction[];
  readonly #side: Side;
  readonly #bytes: Uint8Array;
  readonly #references = new Map<number, Reference>();
  #lines: readonly DisassembledLine[] | undefined;

  constructor(side: Side, definition: Definition) {
    this.#side = side;
    this.#bytes = side.object.bytesOf(definition);
    this.instructions = side.object.instructionsOf(definition);
    for (const reference of side.object.referencesOf(definition))
      this.#references.set(reference.offset, reference);
  }

  equals(mine: Instruction, other: FunctionView, theirs: Instruction, comparer: Comparer): boolean {
    const a = this.#referencesIn(mine);
    const b = other.#referencesIn(theirs);
    if (a.length !== b.length) return false;
    for (const [index, reference] of a.entries()) {
      const now = b[index];
      if (now === undefined || !comparer.isSameReference(reference, now)) return false;
    }
    if (mine.branch !== 'other' && mine.branch === theirs.branch && a.length === 0)
      return mine.condition === theirs.condition;
    if (mine.length !== theirs.length) return false;
    for (let at = 0; at < mine.length; at++) {
      const covered = a.some(
        (reference) =>
          at >= reference.offset - mine.offset && at < reference.offset - mine.offset + reference.size,
      );
      if (!covered && this.#bytes[mine.offset + at] !== other.#bytes[theirs.offset + at]) return false;
    }
    return true;
  }

  /** Disassembly with the names of what is referred to. */
  text(index: number): string {
    this.#lines ??= disassemble(this.#bytes, 0n);
    const instruction = this.instructions[index];
    const line = this.#lines[index];
    if (instruction === undefined || line === undefined) return '';
    const names = this.#referencesIn(instruction).map((reference) =>
      describeTarget(reference.target, this.#side),
    );
    if (names.length === 0) return line.text;
    const [mnemonic] = line.text.split(' ');
    return instruction.branch === 'other'
      ? `${line.text}  # ${names.join(', ')}`
      : `${mnemonic} ${names.join(', ')}`;
  }

  #referencesIn(instruction: Instruction): readonly Reference[] {
    const found: Reference[] = [];
    for (let at = instruction.offset; at < instruction.offset + instruction.length; at++) {
      const reference = this.#references.get(at);
      if (reference !== undefined) found.push(reference);
    }
    return found;
  }
}

function withOffset(name: string, offset: number): string {
  if (offset === 0) return name;
  return offset > 0 ? `${name}+0x${offset.toString(16)}` : `${name}-0x${(-offset).toString(16)}`;
}
