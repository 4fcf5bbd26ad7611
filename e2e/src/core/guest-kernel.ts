// What a program in the guest sees of its kernel: symbols, memory, modules, the core's device.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { type CoreReply, linkAbsolute, parseCoreReply } from '@resplice/engine/trampoline';
import type { RawSite } from './raw-request.js';
import type { Spec, Trampoline } from './spec.js';

const DEVICE = '/dev/resplice';
const PT_LOAD = 1;

export type Answer = { readonly reply: CoreReply } | { readonly errno: string };

/** Addresses of the kernel's symbols by `object:name`, in their order. */
export function readSymbols(): ReadonlyMap<string, readonly bigint[]> {
  const symbols = new Map<string, bigint[]>();
  for (const line of readFileSync('/proc/kallsyms', 'utf8').split('\n')) {
    const [, address, name, module = 'vmlinux'] = /^([0-9a-f]+) . (\S+)(?:\t\[(\S+)\])?$/.exec(line) ?? [];
    if (address === undefined || name === undefined) continue;
    const key = `${module}:${name}`;
    symbols.set(key, [...(symbols.get(key) ?? []), BigInt(`0x${address}`)]);
  }
  return symbols;
}

export function findSymbol(
  symbols: ReadonlyMap<string, readonly bigint[]>,
  { object, name, position }: { readonly object: string; readonly name: string; readonly position: number },
): bigint {
  const address = symbols.get(`${object}:${name}`)?.[Math.max(position - 1, 0)];
  if (address === undefined) throw new Error(`the kernel has no ${name}`);
  return address;
}

/** Links a module to the running kernel and loads it. */
export function loadModule(file: string, imports: Trampoline['imports']): void {
  const symbols = readSymbols();
  const addresses = new Map(imports.map((each) => [each.symbol, findSymbol(symbols, each)]));
  writeFileSync('/tmp/linked.ko', linkAbsolute(readFileSync(file), addresses, file));
  execFileSync('insmod', ['/tmp/linked.ko']);
}

export function readTextAddress(module: string): bigint {
  return BigInt(readFileSync(`/sys/module/${module}/sections/.text`, 'utf8').trim());
}

/** Where the functions of the update are replaced, from a kernel in which nothing is. */
export function findSites(spec: Spec): readonly RawSite[] {
  const symbols = readSymbols();
  const text = readTextAddress(spec.module);
  return spec.functions.map(({ name, position, size, jump, newSize }): RawSite => {
    if (jump === null) throw new Error(`${name} has no jump`);
    const start = findSymbol(symbols, { object: 'vmlinux', name, position });
    const target = text + BigInt(jump.to);
    return {
      old_start: start,
      target,
      new_start: target,
      old_size: size,
      new_size: newSize,
      jump_offset: jump.at,
      flags: 0,
      object: 0,
      memory: readMemory(start, size),
    };
  });
}

/** Lines `name references` of all modules. */
export function readReferences(): string {
  const lines = readFileSync('/proc/modules', 'utf8').trim().split('\n');
  return lines.map((line) => line.split(' ').slice(0, 4).join(' ')).join('\n');
}

/** Memory of the kernel, through /proc/kcore (an ELF core file). */
export function readMemory(address: bigint, length: number): Uint8Array {
  const file = openSync('/proc/kcore', 'r');
  try {
    const head = readAt(file, 64, 0);
    const [start, size, count] = [head.readBigUInt64LE(32), head.readUInt16LE(54), head.readUInt16LE(56)];
    for (let index = 0; index < count; index++) {
      const segment = readAt(file, size, Number(start) + index * size);
      const [offset, from, bytes] = [8, 16, 32].map((at) => segment.readBigUInt64LE(at)) as [
        bigint,
        bigint,
        bigint,
      ];
      if (segment.readUInt32LE(0) !== PT_LOAD || address < from || address >= from + bytes) continue;
      return readAt(file, length, offset + address - from);
    }
    throw new Error(`/proc/kcore does not have 0x${address.toString(16)}`);
  } finally {
    closeSync(file);
  }
}

function readAt(file: number, length: number, position: number | bigint): Buffer {
  const buffer = Buffer.alloc(length);
  const got = readSync(file, buffer, 0, length, position);
  return buffer.subarray(0, got);
}

/** One request and its answer. `beforeWrite` runs when the device is open. */
export function ask(request: Uint8Array, beforeWrite: () => void = () => {}): Answer {
  let file: number | undefined;
  try {
    file = openSync(DEVICE, 'r+');
    beforeWrite();
    writeSync(file, request);
    return { reply: awaitReply(file) };
  } catch (error) {
    return { errno: errnoOf(error) };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

export function awaitReply(file: number): CoreReply {
  for (;;) {
    const reply = parseCoreReply(readAt(file, 1 << 16, 0));
    if (reply.code !== 'RUNNING') return reply;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

export function errnoOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  throw error;
}
