// What the references of a function do: transfer control, take an address, or read and write memory.

import type { Side } from './compare.js';
import type { Definition, Reference } from './definition.js';

/** Offsets of the operands of direct branches in a function. */
export function branchOperands(side: Side, user: Definition): ReadonlySet<number> {
  const offsets = new Set<number>();
  if (user.kind !== 'function') return offsets;
  for (const { branch, immediate, offset } of side.object.instructionsOf(user)) {
    if (branch !== 'other' && immediate !== undefined) offsets.add(offset + immediate.at);
  }
  return offsets;
}

/** True for an address as a value: in data, as an immediate operand, or from `lea`; false for a memory operand. */
export function takesAddress(side: Side, user: Definition, reference: Reference): boolean {
  if (user.kind !== 'function') return true;
  const instruction = side.object
    .instructionsOf(user)
    .find(({ offset, length }) => reference.offset >= offset && reference.offset < offset + length);
  const { displacement } = instruction ?? {};
  if (instruction === undefined || displacement === undefined) return true;
  if (instruction.offset + displacement.at !== reference.offset) return true;
  return isLea(side.object.bytesOf(user), instruction.offset);
}

/** Opcode 8d, behind a REX prefix if any. */
function isLea(code: Uint8Array, offset: number): boolean {
  const hasRex = ((code[offset] ?? 0) & 0xf0) === 0x40;
  return code[offset + (hasRex ? 1 : 0)] === 0x8d;
}

/** Functions of the kernel that search the table they are given during the call, and keep at most one of its rows. */
const LOOKUPS =
  /^(dmi_check_system|dmi_first_match|x86_match_cpu|x86_cpu_has_min_microcode_rev|acpi_match_platform_list|soc_device_match|of_match_node|pci_match_id|i2c_match_id)$/;

/** `mov $table,%rdi` and `lea table(%rip),%rdi`, up to the operand. */
const FIRST_ARGUMENT = ['48c7c7', '488d3d', 'bf'];

/**
 * The address becomes the first argument of a lookup and nothing else: the instruction directly before the call puts it there
 * (`dmi_check_system(video_detect_dmi_table)` of drivers/acpi/video_detect.c).
 */
export function isLookedUp(side: Side, user: Definition, reference: Reference): boolean {
  if (user.kind !== 'function') return false;
  const instructions = side.object.instructionsOf(user);
  const at = instructions.findIndex(
    ({ offset, length }) => reference.offset >= offset && reference.offset < offset + length,
  );
  const [load, call] = [instructions[at], instructions[at + 1]];
  if (load === undefined || call?.immediate === undefined) return false;
  const opcode = side.object.bytesOf(user).subarray(load.offset, reference.offset);
  if (!FIRST_ARGUMENT.includes(Buffer.from(opcode).toString('hex'))) return false;
  const operand = call.offset + call.immediate.at;
  const callee = side.object.referencesOf(user).find(({ offset }) => offset === operand)?.target;
  const isCall = call.branch === 'call' || call.branch === 'jump';
  return isCall && callee !== undefined && 'symbol' in callee && LOOKUPS.test(callee.symbol);
}
