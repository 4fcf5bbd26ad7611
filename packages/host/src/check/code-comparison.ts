// Is the function in memory the one the update was made for? The kernel rewrites its own code at boot and at run time, so the
// manifest lists the ranges (sites) that may differ. Three kinds move by the KASLR slide and are computed; the rest are taken
// from memory, so that what is left to compare, and to show to people, is exactly what must be equal.

import { InputError } from '@resplice/report';
import type { TargetFunction } from '../applicable-update.js';

export type Disassembler = (
  code: Uint8Array,
  address: bigint,
) => readonly { readonly offset: number; readonly length: number; readonly text: string }[];

/** Instructions shown before and after the first difference. */
const CONTEXT = 2;
const HEX_BYTES = 16;

/**
 * The bytes that must be in memory, given those that are: volatile sites are copied from `found`. Without a slide (modules,
 * whose sites the module loader writes) the moving kinds are copied too.
 */
export function expectCode(target: TargetFunction, found: Uint8Array, slide: bigint | undefined): Uint8Array {
  const expected = placeCode(target, slide);
  const mask = maskCode(target, slide);
  return expected.map((byte, at) => (mask[at] === 0 ? (found[at] ?? 0) : byte));
}

/** The function as it is at its place; volatile sites hold anything. */
export function placeCode(target: TargetFunction, slide: bigint | undefined): Uint8Array {
  // Not slice(): of a Buffer that would be a view of the manifest's own bytes.
  const code = new Uint8Array(target.code);
  const view = new DataView(code.buffer);
  for (const { at, length, kind } of target.sites) {
    const move = slide === undefined ? undefined : findMove(kind, slide);
    if (move === undefined) continue;
    if (move.length !== length) {
      throw new InputError(
        'manifest-contradicts-itself',
        `manifest: ${target.object}: ${target.name}: a site of kind ${kind} cannot be ${length} bytes long; create the update again`,
      );
    }
    if (length === 8) view.setBigUint64(at, BigInt.asUintN(64, view.getBigUint64(at, true) + move.by), true);
    else view.setUint32(at, Number(BigInt.asUintN(32, BigInt(view.getUint32(at, true)) + move.by)), true);
  }
  return code;
}

/** 255 for each byte that must be in memory, 0 where the kernel or the module loader writes. */
export function maskCode(target: TargetFunction, slide: bigint | undefined): Uint8Array {
  const mask = new Uint8Array(target.code.length).fill(0xff);
  for (const { at, length, kind } of target.sites)
    if (slide === undefined || findMove(kind, slide) === undefined) mask.fill(0, at, at + length);
  return mask;
}

function findMove(kind: string, slide: bigint): { readonly by: bigint; readonly length: number } | undefined {
  if (kind === 'abs32') return { by: slide, length: 4 };
  if (kind === 'abs64') return { by: slide, length: 8 };
  if (kind === 'inv32') return { by: -slide, length: 4 };
  return undefined;
}

/** Offset of the first byte that differs; both have the same length. */
export function findDifference(expected: Uint8Array, found: Uint8Array): number | undefined {
  const offset = expected.findIndex((byte, index) => byte !== found[index]);
  return offset < 0 ? undefined : offset;
}

/** Lines that show both codes around the first difference: disassembled when possible, else in hex. */
export function showDifference(
  code: { readonly expected: Uint8Array; readonly found: Uint8Array; readonly address: bigint },
  offset: number,
  disassemble: Disassembler | undefined,
): readonly string[] {
  const show = (bytes: Uint8Array) =>
    disassemble === undefined
      ? [showHex(bytes, offset)]
      : showInstructions(disassemble(bytes, code.address), offset);
  return ['expected:', ...show(code.expected), 'found in memory:', ...show(code.found)];
}

function showInstructions(instructions: ReturnType<Disassembler>, offset: number): readonly string[] {
  const at = instructions.findIndex((each) => offset < each.offset + each.length);
  return instructions.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).map((each) => {
    const mark = each.offset <= offset && offset < each.offset + each.length ? '>' : ' ';
    return `  ${mark} +0x${each.offset.toString(16).padEnd(4)} ${each.text}`;
  });
}

function showHex(bytes: Uint8Array, offset: number): string {
  const part = Buffer.from(bytes.subarray(offset, offset + HEX_BYTES)).toString('hex');
  return `  > +0x${offset.toString(16).padEnd(4)} ${part.replace(/(..)(?=.)/g, '$1 ')}`;
}
