import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import { parseBtf } from '../../src/btf/index.js';
import { compareTypes } from '../../src/types/compare-types.js';
import { describeMember } from '../../src/types/type-change.js';
import { compileBlob, compileTypes } from './compiled-types.js';

const compare = (before: string, after: string) => compareTypes(compileTypes(before), compileTypes(after));
const body = (members: string) => `struct t { ${members} };`;
const findKind = (before: string, after: string, type = 'struct t') =>
  compare(before, after).records.find((change) => change.type === type)?.kind;

describe('what a patch does to the objects of a type', () => {
  for (const [fact, before, after, kind] of [
    ['another signedness is no change', 'int a; int b;', 'int a; u32 b;', undefined],
    ['an enum instead of an integer is no change', 'int a;', 'enum { A } a;', undefined],
    ['a removed bit leaves its place unused', 'u32 a:1; u32 b:1;', 'u32 a:1; u32 :1;', 'removed'],
    [
      'a function pointer with another signature is no change',
      'int (*a)(int);',
      'void (*a)(void *);',
      undefined,
    ],
    ['const is no change', 'struct one *a;', 'const struct one *a;', undefined],
    [
      'a flexible array in a union of its own is no change',
      'int n; u8 a[];',
      'int n; struct { struct {} e; u8 a[]; };',
      undefined,
    ],
    ['a renamed member', 'int a; int b;', 'int a; int c;', 'renamed'],
    ['a member in padding', 'char a; long b;', 'char a; int c; long b;', 'padding'],
    ['a member in padding at the end', 'long b; char a;', 'long b; char a; char c;', 'padding'],
    ['a bit beside others', 'u32 a:1;', 'u32 a:1; u32 b:1;', 'padding'],
    ['a counter in padding', 'char a; long b;', 'char a; atomic_t c; long b;', 'padding'],
    [
      'a member in the padding of an anonymous struct',
      'struct { char a; }; long b;',
      'struct { char a; int c; }; long b;',
      'padding',
    ],
    [
      'a member in the padding of a named struct without tag',
      'struct { char a; } s; long b;',
      'struct { char a; int c; } s; long b;',
      'padding',
    ],
    [
      'a list in padding',
      'char a; long b __attribute__((aligned(32)));',
      'char a; struct list_head l; long b __attribute__((aligned(32)));',
      'initial-value',
    ],
    [
      'a mutex in the place of spare bytes',
      'union { int a; long z[4]; };',
      'union { struct { int a; struct mutex m; }; long z[4]; };',
      'initial-value',
    ],
    [
      'a pointer in padding',
      'char a; long b __attribute__((aligned(16)));',
      'char a; void *p; long b __attribute__((aligned(16)));',
      'initial-value',
    ],
    [
      'a function pointer in padding',
      'char a; long b __attribute__((aligned(16)));',
      'char a; void (*p)(void); long b __attribute__((aligned(16)));',
      'initial-value',
    ],
    [
      'another arm of a union',
      'union { int a; long b; };',
      'union { int a; long b; int c; };',
      'initial-value',
    ],
    ['a member at the end that makes it larger', 'long a;', 'long a; struct callback_head rcu;', 'layout'],
    ['a member in the middle', 'int a; int b;', 'int a; int c; int b;', 'layout'],
    ['a removed member that others follow', 'int a; int b;', 'int b;', 'layout'],
    ['exchanged members', 'int a; int b;', 'int b; int a;', 'layout'],
    ['a wider member', 'short a; long b;', 'int a; long b;', 'layout'],
    ['a bit field that moves', 'u32 a:1; u32 b:1;', 'u32 n:1; u32 a:1; u32 b:1;', 'layout'],
    ['a wider bit field', 'u32 a:1;', 'u32 a:2;', 'layout'],
    ['a longer array', 'int a[4];', 'int a[5];', 'layout'],
    ['an array of other elements', 'int a[4];', 'char a[16];', 'layout'],
    ['a flexible array that moves', 'int n; char a[];', 'int n; int m; char a[];', 'layout'],
    ['a struct instead of another', 'struct list_head a;', 'struct callback_head a;', 'layout'],
    ['a pointer to another struct', 'struct list_head *a;', 'struct callback_head *a;', 'layout'],
    ['a pointer to numbers of another size', 'u8 *a;', 'u32 *a;', 'layout'],
    ['a pointer instead of an integer', 'long a;', 'struct one *a;', 'layout'],
    ['a pointer instead of what it led to', 'struct mutex a;', 'struct mutex *a;', 'layout'],
    ['a bool where any byte was', 'u8 a;', 'bool a;', 'layout'],
    ['a place that is used for something else', 'int a; long b;', 'u8 x; u8 y; long b;', 'layout'],
    ['packing', 'char a; int b;', 'char a; int b __attribute__((packed));', 'layout'],
  ] as const) {
    it(`${fact}: ${kind ?? 'nothing'}`, () => assert.equal(findKind(body(before), body(after)), kind));
  }

  it('a struct that only changes its name holds the same', () => {
    const pre = 'struct old { int a; }; struct t { struct old o; struct old *p; };';
    const post = 'struct neu { int a; }; struct t { struct neu o; struct neu *p; };';
    assert.equal(findKind(pre, post), undefined);
  });

  it('a constant makes an array longer, and all that hold one larger', () => {
    const code = (n: number) => `struct inner { int a[${n}]; }; struct t { struct inner i; int b; };`;
    const { records } = compare(code(4), code(6));
    assert.deepEqual(
      records.map(({ type, sizeBefore, sizeAfter }) => [type, sizeBefore, sizeAfter]),
      [
        ['struct inner', 16, 24],
        ['struct t', 20, 28],
      ],
    );
  });

  it('a struct that uses unused bytes of its own leaves those that hold one as they are', () => {
    const code = (members: string) => `struct inner { ${members} long b; }; struct t { struct inner i; };`;
    const { records } = compare(code('char a;'), code('char a; int c;'));
    assert.deepEqual(
      records.map(({ type, kind }) => `${type} ${kind}`),
      ['struct inner padding'],
    );
  });

  it('a type without a tag is known by its typedef', () => {
    assert.equal(
      findKind('typedef struct { int a; } foo_t;', 'typedef struct { int a, b; } foo_t;', 'foo_t'),
      'layout',
    );
  });

  it('a union is compared like a struct', () => {
    assert.equal(findKind('union u { int a; };', 'union u { int a; long b; };', 'union u'), 'layout');
  });

  it('of two types of one tag, each is compared with those of the other side', () => {
    const code = (a: string, b: string) =>
      `int f(void) { struct s { ${a} } x = { 0 }; return x.a; } int g(void) { struct s { ${b} } x = { 0 }; return x.a; }`;
    const first = 'int a;';
    assert.deepEqual(compare(code(first, 'long a; int b;'), code('long a; int b;', first)).records, []);
    assert.equal(
      findKind(code(first, 'long a; int b;'), code(first, 'long a; long c; int b;'), 'struct s'),
      'layout',
    );
  });

  it('tells what was, what is, and how much moves with it', () => {
    const [change] = compare(
      body('int a; int b; int c;'),
      body('int a; struct one *n; int b; int c;'),
    ).records;
    assert.equal(
      change?.found,
      'its size is 12 bytes before and 24 after the patch; new: n, struct one * at offset 8 (8 bytes); b moves from int at offset 4 (4 bytes) to int at offset 16 (4 bytes), as does 1 other',
    );
    assert.deepEqual(change?.members.map(describeMember), [
      'b moves from int at offset 4 (4 bytes) to int at offset 16 (4 bytes)',
      'c moves from int at offset 8 (4 bytes) to int at offset 20 (4 bytes)',
      'new: n, struct one * at offset 8 (8 bytes)',
    ]);
  });

  it('a type that one side does not have is not compared', () => {
    assert.deepEqual(compare('struct a { int x; };', 'struct b { long x; };').records, []);
  });
});

describe('what a patch does to enumerators', () => {
  const renumbered = (before: string, after: string) =>
    compare(before, after).renumbered.map((each) =>
      `${each.name} ${each.before} ${each.after} ${each.last ? 'last' : ''}`.trim(),
    );

  for (const [fact, before, after, expected] of [
    ['one at the end changes no other', 'enum e { A, B };', 'enum e { A, B, C };', []],
    ['one in the middle renumbers what follows', 'enum e { A, C };', 'enum e { A, B, C };', ['C 1 2 last']],
    [
      'one before the number of all changes that number',
      'enum e { A, MAX };',
      'enum e { A, B, MAX };',
      ['MAX 1 2 last'],
    ],
    ['those without a tag are compared too', 'enum { A = 3 };', 'enum { A = 4 };', ['A 3 4 last']],
    [
      'values of 64 bits are read whole',
      'enum e { A = 1ull << 40 };',
      'enum e { A = 1ull << 41 };',
      ['A 1099511627776 2199023255552 last'],
    ],
    ['negative values', 'enum e { A = -1, B };', 'enum e { A = -2, B };', ['A -1 -2', 'B 0 -1 last']],
  ] as const) {
    it(fact, () => assert.deepEqual(renumbered(before, after), expected));
  }

  it('lists what is new in an enum that was there', () => {
    const { added } = compare('enum e { A };', 'enum e { A, B }; enum n { X };');
    assert.deepEqual([...added], [['enum e', ['B']]]);
  });
});

describe('malformed types', () => {
  const blob = compileBlob(
    'enum e { A, B }; struct a { int x[3]; struct { u8 b; } s; union { long l; struct one *p; }; };',
  );

  it('are compared or named as bad input, whatever byte is wrong', () => {
    const good = parseBtf(blob, { file: 'good' });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(blob.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (bytes) => {
          const bad = Uint8Array.from(blob);
          for (const [at, value] of bytes) bad[at] = value;
          try {
            const parsed = parseBtf(bad, { file: 'bad' });
            compareTypes(good, parsed);
            compareTypes(parsed, good);
          } catch (error) {
            assert.ok(error instanceof InputError, String(error));
          }
        },
      ),
      { seed: 11, numRuns: 2000 },
    );
  });
});
