// Is the code at an address of the shipped kernel the code that was rebuilt? (Ksplice's run-pre matching, on disk.)
//
// Instruction by instruction, because the two may differ in length: the rebuilt object has every function in a section of its own,
// so a branch to a neighbour takes the near form with a relocation where the shipped one may be short and resolved; and
// a jump label is a jump in raw compiler output and a no-op once objtool has seen it. Everything else must be equal to the byte, and
// each relocated field then tells the address of what it refers to.

import type { Side } from '../diff/compare.js';
import type { Definition, Reference } from '../diff/definition.js';
import { R_X86_64 } from '../elf/elf.layout.js';
import { isPcRelative } from '../elf/relocation.js';
import { decodeInstructions, type Instruction } from '../x86/instruction.js';
import type { RunningObject } from './running-object.js';

/** What a field of the shipped code says about the target of the reference at the same place. */
export interface Evidence {
  readonly reference: Reference;
  /** Address of the target's definition or symbol, its offset taken off. */
  readonly address: bigint;
}

export interface Mismatch {
  readonly offsetBefore: number;
  readonly offsetRunning: number;
  readonly what: string;
}

export type FunctionMatch =
  | {
      readonly ok: true;
      readonly address: bigint;
      readonly size: number;
      readonly evidence: readonly Evidence[];
    }
  | { readonly ok: false; readonly address: bigint; readonly mismatch: Mismatch };

/** Room for shipped code to be longer than rebuilt code, beyond a quarter of its size. */
const SLACK = 32;

/** Matches one function against the code at `address`. */
export function matchFunction(
  side: Side,
  definition: Definition,
  running: RunningObject,
  address: bigint,
): FunctionMatch {
  const code = running.read(address, definition.size + Math.ceil(definition.size / 4) + SLACK);
  return new Walk(side, definition, code, address).run();
}

class Walk {
  readonly #definition: Definition;
  readonly #address: bigint;
  readonly #bytes: Uint8Array;
  readonly #code: Uint8Array;
  readonly #before: readonly Instruction[];
  readonly #running: readonly Instruction[];
  readonly #references = new Map<number, Reference>();
  readonly #jumpLabels: ReadonlySet<number>;
  /** Offsets of instructions before → in the shipped code. */
  readonly #places = new Map<number, number>();
  readonly #branches: { readonly from: Instruction; readonly to: Instruction }[] = [];
  readonly #evidence: Evidence[] = [];

  constructor(side: Side, definition: Definition, code: Uint8Array, address: bigint) {
    this.#definition = definition;
    this.#address = address;
    this.#code = code;
    this.#bytes = side.object.bytesOf(definition);
    this.#before = side.object.instructionsOf(definition);
    this.#running = decodeInstructions(code);
    for (const reference of side.object.referencesOf(definition))
      this.#references.set(reference.offset, reference);
    this.#jumpLabels = findJumpLabels(side, definition);
  }

  run(): FunctionMatch {
    let index = 0;
    let other = 0;
    while (index < this.#before.length) {
      const a = this.#before[index];
      const b = this.#running[other];
      if (a === undefined || b === undefined) return this.#fail(a, b, 'the shipped code ends');
      this.#places.set(a.offset, b.offset);
      if (this.#sameInstruction(a, b)) {
        index++;
        other++;
      } else if (a.nop || b.nop) {
        if (a.nop) index++;
        if (b.nop) other++;
      } else return this.#fail(a, b, 'the instructions differ');
    }
    const size = this.#running[other]?.offset ?? this.#code.length;
    this.#places.set(this.#definition.size, size);
    for (const { from, to } of this.#branches) {
      if (this.#places.get(from.target) !== to.target)
        return this.#fail(from, to, 'a branch leads elsewhere');
    }
    return { ok: true, address: this.#address, size, evidence: this.#evidence };
  }

  #sameInstruction(a: Instruction, b: Instruction): boolean {
    if (this.#jumpLabels.has(a.offset) && isLabelForm(a) && isLabelForm(b)) return true;
    if (a.branch !== 'other') return this.#sameBranch(a, b);
    if (a.length !== b.length) return false;
    const references = this.#referencesIn(a);
    for (let at = 0; at < a.length; at++) {
      const covered = references.some(
        ({ offset, size }) => at >= offset - a.offset && at < offset - a.offset + size,
      );
      if (!covered && this.#bytes[a.offset + at] !== this.#code[b.offset + at]) return false;
    }
    for (const reference of references) {
      if (reference.size !== 4 && reference.size !== 8) return false;
      this.#learn(reference, b.offset + reference.offset - a.offset);
    }
    return true;
  }

  #sameBranch(a: Instruction, b: Instruction): boolean {
    if (a.branch !== b.branch || a.condition !== b.condition) return false;
    const [reference] = this.#referencesIn(a);
    if (reference === undefined) this.#branches.push({ from: a, to: b });
    else {
      const target = this.#address + BigInt(b.target) - BigInt(reference.target.offset);
      this.#evidence.push({ reference, address: BigInt.asUintN(64, target) });
    }
    return true;
  }

  /** Reads the relocated field back: S = value + P - bias for a relative one, S = value for an absolute one. */
  #learn(reference: Reference, at: number): void {
    const view = new DataView(this.#code.buffer, this.#code.byteOffset + at, reference.size);
    const wide = reference.size === 8;
    const signed = wide ? view.getBigInt64(0, true) : BigInt(view.getInt32(0, true));
    const value = reference.type === R_X86_64.R32 ? BigInt.asUintN(32, signed) : signed;
    const place = isPcRelative(reference.type) ? this.#address + BigInt(at) : 0n;
    const address = value + place - BigInt(reference.bias) - BigInt(reference.target.offset);
    this.#evidence.push({ reference, address: BigInt.asUintN(64, address) });
  }

  #referencesIn(instruction: Instruction): readonly Reference[] {
    const found: Reference[] = [];
    for (let at = instruction.offset; at < instruction.offset + instruction.length; at++) {
      const reference = this.#references.get(at);
      if (reference !== undefined) found.push(reference);
    }
    return found;
  }

  #fail(a: Instruction | undefined, b: Instruction | undefined, what: string): FunctionMatch {
    const mismatch = {
      offsetBefore: a?.offset ?? this.#definition.size,
      offsetRunning: b?.offset ?? this.#code.length,
      what,
    };
    return { ok: false, address: this.#address, mismatch };
  }
}

/** Offsets in the function that have an entry in __jump_table. */
function findJumpLabels(side: Side, definition: Definition): ReadonlySet<number> {
  const offsets = new Set<number>();
  for (const entry of side.tables.of(definition)) {
    if (entry.section.name !== '__jump_table') continue;
    const code = entry.relocations.find(
      (relocation) => relocation.offset === entry.start + entry.ownerOffset,
    );
    if (code === undefined) continue;
    offsets.add(code.symbol.value + code.addend - definition.start);
  }
  return offsets;
}

function isLabelForm(instruction: Instruction): boolean {
  return (
    (instruction.nop || instruction.branch === 'jump') &&
    (instruction.length === 2 || instruction.length === 5)
  );
}
