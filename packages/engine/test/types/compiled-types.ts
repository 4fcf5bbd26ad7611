// Types from a compiler and pahole, as `create` reads them.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Btf, parseBtf } from '../../src/btf/index.js';

/** Spelled as in the kernel. */
const COMMON = `
typedef unsigned char u8; typedef unsigned int u32; typedef _Bool bool;
typedef unsigned int __le32; typedef unsigned short __be16;
struct list_head { struct list_head *next, *prev; };
struct callback_head { struct callback_head *next; void (*func)(struct callback_head *); };
struct mutex { long owner; struct list_head wait_list; };
struct one { int a; }; struct other { int b; };
typedef struct { int counter; } atomic_t;
`;

export function compileTypes(code: string): Btf {
  return parseBtf(compileBlob(code), { file: 'a.o' });
}

export function compileBlob(code: string): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), 'resplice-types-'));
  try {
    const file = join(directory, 'a.o');
    writeFileSync(join(directory, 'a.c'), `${COMMON}${code}\n`);
    // Every type that stands in the text, used or not.
    execFileSync('gcc', [
      '-g',
      '-fno-eliminate-unused-debug-types',
      '-c',
      '-o',
      file,
      join(directory, 'a.c'),
    ]);
    execFileSync('pahole', ['-J', `--btf_encode_detached=${file}.btf`, file]);
    return readFileSync(`${file}.btf`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
