// A tiny "shipped kernel": objects compiled without sections of their own, linked to a kernel's address, with nm for kallsyms.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunningObject } from '../../src/match/running-object.js';
import { compileText, forAll, inTemporaryFolder } from '../elf/compiler.js';

const run = promisify(execFile);

export const BASE = 0xffffffff81000000n;

const SCRIPT = `SECTIONS {
  . = 0x${BASE.toString(16)};
  .text : { *(.text .text.*) }
  .rodata : { *(.rodata .rodata.*) }
  .data : { *(.data .data.*) *(.bss .bss.*) }
  /DISCARD/ : { *(*) }
}`;

/** What every kernel has. */
const REST = `int think(int n) { return n * 31; }
void work(int n) { think(n); }
int printk(const char *text, ...) { return text[0]; }
asm(".text\\n.globl __fentry__\\n__fentry__: ret\\n.globl __x86_return_thunk\\n__x86_return_thunk: ret\\n");`;

export interface Shipped {
  readonly bytes: Uint8Array;
  /** Name → addresses, ascending. */
  readonly symbols: ReadonlyMap<string, readonly bigint[]>;
}

/** Compiles and links the sources; the linker discards tables, as they are not code. */
export async function shipSources(sources: readonly string[]): Promise<Shipped> {
  return inTemporaryFolder(async (folder) => {
    const objects = await forAll(
      [...sources.entries(), [sources.length, REST] as const],
      async ([index, source]) => {
        const path = join(folder, `${index}.o`);
        await writeFile(path, await compileText(source, ['-O2']));
        return path;
      },
    );
    const script = join(folder, 'script');
    await writeFile(script, SCRIPT);
    const linked = join(folder, 'linked');
    await run('ld', ['-T', script, '-z', 'noexecstack', '-o', linked, ...objects]);
    const flat = join(folder, 'flat');
    await run('objcopy', ['-O', 'binary', '--set-section-flags', '.data=alloc,load,contents', linked, flat]);
    const { stdout } = await run('nm', ['-n', linked]);
    const symbols = new Map<string, bigint[]>();
    for (const line of stdout.trim().split('\n')) {
      const [address = '', , name = ''] = line.split(' ');
      symbols.set(name, [...(symbols.get(name) ?? []), BigInt(`0x${address}`)]);
    }
    return { bytes: new Uint8Array(await readFile(flat)), symbols };
  });
}

/** The shipped kernel as something to match against; `hidden` symbols have code and data but no name. */
export function runShipped({ bytes, symbols }: Shipped, hidden: readonly string[] = []): RunningObject {
  const addressesOf = (symbol: string) => (hidden.includes(symbol) ? [] : (symbols.get(symbol) ?? []));
  return {
    name: 'vmlinux',
    addressesOf,
    position(symbol, address) {
      const rank = addressesOf(symbol).indexOf(address);
      if (rank < 0) return undefined;
      return addressesOf(symbol).length === 1 ? 0 : rank + 1;
    },
    read(address, length) {
      const offset = Number(address - BASE);
      return offset < 0 || offset >= bytes.length
        ? new Uint8Array(0)
        : bytes.subarray(offset, offset + length);
    },
    sitesIn: () => [],
  };
}
