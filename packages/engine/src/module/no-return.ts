// Which calls do not come back? objtool knows it of functions that it sees whole and of a list of names. A function that the
// update leaves in the kernel is only a name here (`skb_panic`, static in net/core/skbuff.c: a message and a BUG), so objtool
// would follow the code behind the call into whatever stands there. The compiler knew better, and its object still shows it.

import type { Side } from '../diff/compare.js';
import type { Definition, Reference } from '../diff/definition.js';
import type { Instruction } from '../x86/instruction.js';

/** Offsets in the function directly behind calls that do not return. */
export function findDeadEnds(side: Side, user: Definition): readonly number[] {
  if (user.kind !== 'function') return [];
  const known = new Map<Definition, boolean>();
  const calls = callsOf(side, user);
  const last = side.object.instructionsOf(user).findLast((instruction) => !instruction.nop);
  const ends: number[] = [];
  for (const [instruction, { target }] of calls) {
    const isLocal = 'definition' in target && target.offset === 0;
    // The compiler lets no function run into the next one.
    const isLast = instruction === last;
    if (isLast || (isLocal && neverReturns(side, target.definition, known)))
      ends.push(instruction.offset + instruction.length);
  }
  return ends;
}

/** True when no path through the function leads to a return or out of it. A weak one may be another in the kernel. */
function neverReturns(side: Side, definition: Definition, known: Map<Definition, boolean>): boolean {
  const earlier = known.get(definition);
  if (earlier !== undefined) return earlier;
  // Against recursion: a cycle of calls alone proves nothing.
  known.set(definition, false);
  const answer =
    definition.kind === 'function' && definition.binding !== 'weak' && !hasWayOut(side, definition, known);
  known.set(definition, answer);
  return answer;
}

function hasWayOut(side: Side, definition: Definition, known: Map<Definition, boolean>): boolean {
  const instructions = side.object.instructionsOf(definition);
  const byOffset = new Map(instructions.map((instruction, index) => [instruction.offset, index]));
  const references = referencesByOperand(side, definition);
  const code = side.object.bytesOf(definition);
  const traps = survivedTraps(side, definition);
  const seen = new Set<number>();
  const open = [0];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    const instruction = instructions[index];
    if (instruction === undefined || seen.has(index)) continue;
    seen.add(index);
    if (!instruction.valid || isReturn(code, instruction)) return true;
    if (isTrap(code, instruction) && !traps.has(instruction.offset + instruction.length)) continue;
    const { branch } = instruction;
    const reference = referenceOf(references, instruction);
    if (branch === 'call') {
      const target = reference?.target;
      const isLocal = target !== undefined && 'definition' in target && target.offset === 0;
      if (isLocal && neverReturns(side, target.definition, known)) continue;
    } else if (branch !== 'other') {
      const inside = reference === undefined ? byOffset.get(instruction.target) : undefined;
      if (inside === undefined) return true;
      open.push(inside);
      if (branch === 'jump') continue;
    }
    open.push(index + 1);
  }
  return false;
}

type Operands = ReadonlyMap<number, Reference>;

function referencesByOperand(side: Side, definition: Definition): Operands {
  return new Map(side.object.referencesOf(definition).map((reference) => [reference.offset, reference]));
}

function referenceOf(references: Operands, { offset, immediate }: Instruction): Reference | undefined {
  return immediate === undefined ? undefined : references.get(offset + immediate.at);
}

function callsOf(side: Side, user: Definition): readonly (readonly [Instruction, Reference])[] {
  const references = referencesByOperand(side, user);
  return side.object.instructionsOf(user).flatMap((instruction) => {
    const reference = instruction.branch === 'call' ? referenceOf(references, instruction) : undefined;
    return reference === undefined ? [] : [[instruction, reference] as const];
  });
}

/** `ret`, `ret n`, and jumps through a register or memory, which may lead anywhere. */
function isReturn(code: Uint8Array, { offset, length }: Instruction): boolean {
  const opcode = code[offset + prefixesOf(code, offset, length)];
  const mode = (code[offset + prefixesOf(code, offset, length) + 1] ?? 0) & 0x38;
  return opcode === 0xc3 || opcode === 0xc2 || (opcode === 0xff && (mode === 0x20 || mode === 0x28));
}

/** Bytes before the opcode: rep, segment and notrack prefixes, and REX. */
function prefixesOf(code: Uint8Array, offset: number, length: number): number {
  let count = 0;
  while (count < length && /^(f[23]|2e|3e|6[4567]|4.)$/.test((code[offset + count] ?? 0).toString(16)))
    count++;
  return count;
}

function isTrap(code: Uint8Array, { offset, length }: Instruction): boolean {
  return length === 2 && code[offset] === 0x0f && code[offset + 1] === 0x0b;
}

/** Places behind a `ud2` where code goes on, as after WARN(). */
function survivedTraps(side: Side, definition: Definition): ReadonlySet<number> {
  const places = new Set<number>();
  for (const { section, relocations } of side.tables.of(definition)) {
    if (!/^\.discard\.(reachable|annotate_insn)/.test(section.name)) continue;
    for (const { symbol, addend } of relocations) places.add(symbol.value + addend - definition.start);
  }
  return places;
}
