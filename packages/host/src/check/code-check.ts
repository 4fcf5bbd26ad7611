// Refusals that concern the functions themselves: each must be where the update expects it, hold the code it was made for, and
// carry no probe. A probe is a refusal even at a place that the comparison ignores: it would stay set and silently never fire.

import type { Reason } from '@resplice/report';
import { type TargetFunction, targetKey } from '../applicable-update.js';
import type { Kprobe } from '../kernel/kprobe-list.js';
import { type Disassembler, expectCode, findDifference, showDifference } from './code-comparison.js';
import type { CodeFacts } from './facts.js';

const INT3 = 0xcc;
const JMP_REL32 = 0xe9;

export interface CodeCheckInput {
  readonly targets: readonly TargetFunction[];
  readonly facts: CodeFacts;
  readonly kprobes: readonly Kprobe[] | undefined;
  readonly disassemble: Disassembler | undefined;
}

export function checkCode(input: CodeCheckInput): readonly Reason[] {
  const { symbols, memory } = input.facts;
  const blind: Reason[] = [];
  if ('unreadable' in symbols) {
    blind.push({
      code: 'kallsyms-hidden',
      subject: {},
      found: `/proc/kallsyms cannot be read (${symbols.unreadable})`,
    });
  } else if (symbols.hidden) {
    blind.push({ code: 'kallsyms-hidden', subject: {}, found: 'every address in /proc/kallsyms is zero' });
  }
  if ('unreadable' in memory) {
    blind.push({
      code: 'kernel-memory-unreadable',
      subject: {},
      found: `/proc/kcore cannot be read (${memory.unreadable})`,
    });
  } else if (memory.slide === undefined) {
    blind.push({
      code: 'kernel-memory-unreadable',
      subject: {},
      found: '/proc/kcore does not tell where the kernel lies (no KERNELOFFSET in its VMCOREINFO note)',
    });
  }
  if (blind.length > 0 || 'unreadable' in symbols || 'unreadable' in memory || memory.slide === undefined)
    return blind;
  const { slide } = memory;
  return input.targets.flatMap((target) => checkFunction(target, symbols.addresses, slide, input));
}

function checkFunction(
  target: TargetFunction,
  addresses: ReadonlyMap<string, bigint>,
  slide: bigint,
  { facts, kprobes, disassemble }: CodeCheckInput,
): readonly Reason[] {
  const subject = { object: target.object, symbol: target.name };
  const address = addresses.get(targetKey(target));
  if (address === undefined) {
    const which =
      target.position > 1
        ? `fewer than ${target.position} functions of that name exist`
        : 'it does not exist';
    return [{ code: 'function-not-found', subject, found: which }];
  }
  if (target.address !== undefined && address !== target.address + slide) {
    const expected = hex(target.address + slide);
    return [{ code: 'function-moved', subject, found: `it is at ${hex(address)}; expected ${expected}` }];
  }
  const probe = kprobes?.find(
    (each) => each.address >= address && each.address < address + BigInt(target.code.length),
  );
  const found = facts.code.get(targetKey(target));
  if (found === undefined) {
    return [
      { code: 'kernel-memory-unreadable', subject, found: `the memory at ${hex(address)} is not mapped` },
    ];
  }
  const expected = expectCode(target, found, target.object === 'vmlinux' ? slide : undefined);
  const offset = findDifference(expected, found);
  const evidence =
    offset === undefined ? [] : showDifference({ expected, found, address }, offset, disassemble);
  if (probe !== undefined) {
    const reason: Reason = { code: 'kprobe-on-function', subject, found: describeProbe(probe) };
    return [offset === undefined ? reason : { ...reason, evidence }];
  }
  if (offset === undefined) return [];
  const byte = found[offset];
  // Only with the kernel's own list at hand can a breakpoint be said not to be a kprobe.
  const isProbe = kprobes === undefined && (byte === INT3 || byte === JMP_REL32);
  return [
    {
      code: isProbe ? 'kprobe-on-function' : 'function-altered',
      subject: { ...subject, offset },
      found: describeByte(byte, isProbe),
      evidence,
    },
  ];
}

function describeProbe({ kind, place, disabled }: Kprobe): string {
  return `a ${kind} is set at ${place}${disabled ? ' (disabled)' : ''}`;
}

function describeByte(byte: number | undefined, isProbe: boolean): string {
  if (isProbe) {
    return byte === INT3
      ? 'a breakpoint (int3) stands there, most likely a kprobe; mount debugfs to have it named'
      : 'a jump stands there, most likely an optimized kprobe; mount debugfs to have it named';
  }
  if (byte === INT3) return 'a breakpoint (int3) stands there, and the kernel lists no kprobe at it';
  return 'the bytes differ from the kernel image, and the kernel lists no kprobe that would explain it';
}

function hex(address: bigint): string {
  return `0x${BigInt.asUintN(64, address).toString(16)}`;
}
