// Decoding x86-64, reduced to what comparing, matching and moving code needs to know about an instruction: where it ends,
// where its displacement and immediate lie, and whether it is a direct branch and whither.
//
// The decoder is iced-x86 (dependencies.md, section 2). Its objects live in WebAssembly memory and are not garbage
// collected, so they are made and freed here and only plain objects leave this file.

import {
  Decoder,
  DecoderOptions,
  FlowControl,
  Formatter,
  FormatterSyntax,
  Instruction as Iced,
} from 'iced-x86';

/** A displacement or immediate inside an instruction; `at` counts from the instruction's first byte. */
export interface Field {
  readonly at: number;
  readonly size: number;
}

/** `call`, `jump` and `conditional` are direct branches with a relative target; everything else is `other`. */
export type Branch = 'call' | 'jump' | 'conditional' | 'other';

export interface Instruction {
  /** From the start of the decoded code. */
  readonly offset: number;
  readonly length: number;
  readonly branch: Branch;
  /** Target of a direct branch, as an offset from the start of the decoded code (may lie outside of it). */
  readonly target: number;
  /** For a conditional branch the condition (0–15), which survives a change between short and near form; else -1. */
  readonly condition: number;
  readonly displacement: Field | undefined;
  readonly immediate: Field | undefined;
  /** The displacement is relative to the next instruction. */
  readonly ripRelative: boolean;
  readonly valid: boolean;
  /** A no-op of any length, as assemblers use for padding. */
  readonly nop: boolean;
}

export interface DisassembledLine {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/** Decodes all of `code`. What is no instruction becomes one with `valid` false, as long as the decoder has read. */
export function decodeInstructions(code: Uint8Array): readonly Instruction[] {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  const iced = new Iced();
  const instructions: Instruction[] = [];
  try {
    while (decoder.canDecode) {
      const offset = decoder.position;
      decoder.decodeOut(iced);
      instructions.push(describe(decoder, iced, code, offset));
    }
  } finally {
    iced.free();
    decoder.free();
  }
  return instructions;
}

/** Disassembles in Intel syntax without addresses of its own: branch targets are shown as absolute addresses. */
export function disassemble(code: Uint8Array, address: bigint): readonly DisassembledLine[] {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  decoder.ip = BigInt.asUintN(64, address);
  const formatter = new Formatter(FormatterSyntax.Gas);
  const iced = new Iced();
  const lines: DisassembledLine[] = [];
  try {
    while (decoder.canDecode) {
      const offset = decoder.position;
      decoder.decodeOut(iced);
      const text = iced.isInvalid ? `(bad) 0x${(code[offset] ?? 0).toString(16)}` : formatter.format(iced);
      lines.push({ offset, length: Math.max(1, iced.length), text });
    }
  } finally {
    iced.free();
    formatter.free();
    decoder.free();
  }
  return lines;
}

function describe(decoder: Decoder, iced: Iced, code: Uint8Array, offset: number): Instruction {
  const length = Math.max(1, iced.length);
  const constants = decoder.getConstantOffsets(iced);
  const displacement = constants.hasDisplacement
    ? { at: constants.displacementOffset, size: constants.displacementSize }
    : undefined;
  const immediate = constants.hasImmediate
    ? { at: constants.immediateOffset, size: constants.immediateSize }
    : undefined;
  constants.free();
  const branch = branchKind(iced);
  return {
    offset,
    length,
    branch,
    target: branch === 'other' ? 0 : Number(BigInt.asIntN(64, iced.nearBranchTarget)),
    condition: branch === 'conditional' ? conditionOf(code, offset, length) : -1,
    displacement,
    immediate,
    ripRelative: iced.isIpRelMemoryOperand,
    valid: !iced.isInvalid,
    nop: isNop(code, offset, length),
  };
}

function branchKind(iced: Iced): Branch {
  switch (iced.flowControl) {
    case FlowControl.Call:
      return iced.isCallNear ? 'call' : 'other';
    case FlowControl.UnconditionalBranch:
      return iced.isJmpShortOrNear ? 'jump' : 'other';
    case FlowControl.ConditionalBranch:
      return iced.isJccShortOrNear ? 'conditional' : 'other';
    default:
      return 'other';
  }
}

/** The low nibble of a Jcc opcode, short (7x) or near (0f 8x), behind any prefixes. */
function conditionOf(code: Uint8Array, offset: number, length: number): number {
  for (let at = offset; at < offset + length; at++) {
    const byte = code[at] ?? 0;
    if (byte >= 0x70 && byte <= 0x7f) return byte & 0xf;
    if (byte === 0x0f) return (code[at + 1] ?? 0) & 0xf;
  }
  return -1;
}

/** 90, 66 90 and the multi-byte form 0f 1f /0, with any operand-size or segment prefixes. */
function isNop(code: Uint8Array, offset: number, length: number): boolean {
  let at = offset;
  const end = offset + length;
  while (at < end - 1 && (code[at] === 0x66 || code[at] === 0x2e || code[at] === 0x3e)) at++;
  if (code[at] === 0x90) return at === end - 1;
  return code[at] === 0x0f && code[at + 1] === 0x1f;
}
