import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Btf, parseBtf } from '../../src/btf/index.js';
import { compareType } from '../../src/types/type-change.js';

const COMMON = `
struct list_head { struct list_head *next, *prev; };
struct callback_head { struct callback_head *next; void (*func)(struct callback_head *); };
typedef struct { int counter; } atomic_t;
`;

/** From a compiler and pahole, as `create` reads types. */
function readTypes(body: string): Btf {
  const directory = mkdtempSync(join(tmpdir(), 'resplice-types-'));
  try {
    const file = join(directory, 'a.o');
    writeFileSync(
      join(directory, 'a.c'),
      `${COMMON}struct t { ${body} };\nint f(struct t *t) { return sizeof(*t); }\n`,
    );
    execFileSync('gcc', ['-g', '-c', '-o', file, join(directory, 'a.c')]);
    execFileSync('pahole', ['-J', `--btf_encode_detached=${file}.btf`, file]);
    return parseBtf(readFileSync(`${file}.btf`), { file: 'a.o' });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const compare = (before: string, after: string) => compareType(readTypes(before), readTypes(after), 't');

describe('what a patch does to the objects of a type', () => {
  for (const [fact, before, after, kind] of [
    ['the same layout is no change', 'int a; int b;', 'int a; unsigned int b;', undefined],
    ['a renamed member is no change', 'int a; int b;', 'int a; int c;', undefined],
    [
      'a removed bit leaves its place unused',
      'unsigned a:1; unsigned b:1;',
      'unsigned a:1; unsigned :1;',
      undefined,
    ],
    ['a member in padding is compatible', 'char a; long b;', 'char a; int c; long b;', 'compatible'],
    ['a bit beside others is compatible', 'unsigned a:1;', 'unsigned a:1; unsigned b:1;', 'compatible'],
    ['a counter in padding is compatible', 'char a; long b;', 'char a; atomic_t c; long b;', 'compatible'],
    [
      'a list in the place of spare bytes needs to be set up',
      'union { struct { int a; } ; long z[4]; };',
      'union { struct { int a; struct list_head l; }; long z[4]; };',
      'initial-value',
    ],
    [
      'a member at the end that makes it larger changes the layout',
      'long a;',
      'long a; struct callback_head rcu;',
      'layout',
    ],
    ['a member in the middle changes the layout', 'int a; int b;', 'int a; int c; int b;', 'layout'],
    ['exchanged members change the layout', 'int a; int b;', 'int b; int a;', 'layout'],
    ['a longer array changes the layout', 'int a[4];', 'int a[5];', 'layout'],
    [
      'a flexible array that moves changes the layout',
      'int n; char a[];',
      'int n; int m; char a[];',
      'layout',
    ],
    [
      'another struct of the same size changes the layout',
      'struct list_head a;',
      'struct callback_head a;',
      'layout',
    ],
  ] as const) {
    it(fact, () => assert.equal(compare(before, after)?.kind, kind));
  }

  it('a list in padding needs an initial value', () => {
    const found = compare(
      'char a; long b __attribute__((aligned(32)));',
      'char a; struct list_head l; long b __attribute__((aligned(32)));',
    );
    assert.equal(found?.kind, 'initial-value');
  });

  it('a type that one side does not have is not compared', () => {
    assert.equal(compareType(readTypes('int a;'), readTypes('int a;'), 'nothing'), undefined);
  });
});
