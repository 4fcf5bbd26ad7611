import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { affectsCode, splitPieces } from '../../src/header/text-effect.js';

const CODE =
  'struct s { int a; };\nextern int g(struct s *s);\nint f(struct s *s)\n{\n return g(s) + s->a;\n}\n';

describe('the pieces of preprocessed text', () => {
  it('are declarations and definitions, each to its end', () => {
    const text =
      'typedef struct { int a; } t;\nstatic inline __attribute__((__unused__)) int f(void) { if (1) { return \'}\'; } return 0; }\nint x = { 1 }, y;\n#pragma GCC diagnostic push\nstruct __attribute__((packed)) s { char c[2]; };\nchar *z = "a;{b";\n';
    assert.deepEqual(splitPieces(text)?.length, 6);
    assert.equal(splitPieces('int f(void) { return 0;'), undefined);
  });
});

describe('whether a change of text can change code', () => {
  for (const [fact, before, after] of [
    [
      'declarations change places',
      `int h(void);\nstruct z { int y; };\n${CODE}`,
      `struct z { int y; };\n${CODE}int h(void);\n`,
    ],
    [
      'declarations come that nobody knows',
      CODE,
      `struct n;\nint h(struct n *n);\nenum { E1, E2 };\ntypedef int tt;\n${CODE}`,
    ],
    ['an inline function comes', CODE, `static inline int h(void)\n{\n return 1;\n}\n${CODE}`],
    [
      'an inline function changes that no code calls',
      `static inline int h(void) { return 1; }\n${CODE}`,
      `static inline int h(void) { return 2; }\n${CODE}`,
    ],
    [
      'a type changes that only unused code has',
      `struct n { int x; };\nstatic inline int h(struct n *n) { return n->x; }\n${CODE}`,
      `struct n { int y, x; };\nstatic inline int h(struct n *n) { return n->x; }\n${CODE}`,
    ],
    [
      'unique names are numbered otherwise',
      `static int __UNIQUE_ID_a12 = 1;\n${CODE}`,
      `static int __UNIQUE_ID_a13 = 1;\n${CODE}`,
    ],
    ['warnings are switched', CODE, `#pragma GCC diagnostic push\n${CODE}`],
  ] as const) {
    it(`no: ${fact}`, () => {
      assert.equal(affectsCode(before, after), false);
      assert.equal(affectsCode(after, before), false);
    });
  }

  for (const [fact, before, after] of [
    ['code changes', CODE, CODE.replace('+', '-')],
    ['a type of the code changes', CODE, CODE.replace('int a;', 'long b, a;')],
    ['a declaration of the code changes', CODE, CODE.replace('extern int g', 'extern long g')],
    [
      'an inline function is called through another one',
      `static inline int h(void) { return 1; }\nstatic inline int i(void) { return h(); }\n${CODE.replace('s->a', 'i()')}`,
      `static inline int h(void) { return 2; }\nstatic inline int i(void) { return h(); }\n${CODE.replace('s->a', 'i()')}`,
    ],
    [
      'a type is reached through a member',
      `struct n { int x; };\nstruct m { struct n *n; };\n${CODE.replace('int a;', 'struct m *m;').replace('s->a', 's->m->n->x')}`,
      `struct n { int y, x; };\nstruct m { struct n *n; };\n${CODE.replace('int a;', 'struct m *m;').replace('s->a', 's->m->n->x')}`,
    ],
    [
      'an attribute of a known function comes',
      CODE,
      `extern int g(struct s *s) __attribute__((__const__));\n${CODE}`,
    ],
    [
      'an enumerator changes inside of a struct',
      `struct n { enum { E = 1 } e; };\n${CODE.replace('s->a', 'E')}`,
      `struct n { enum { E = 2 } e; };\n${CODE.replace('s->a', 'E')}`,
    ],
    ['data comes', CODE, `static int table[] = { 1 };\n${CODE}`],
    ['a variable of an unnamed struct comes', CODE, `static struct { int a; } one;\n${CODE}`],
    ['code comes', CODE, `static int h(void)\n{\n return 1;\n}\n${CODE}`],
    ['assembly comes', CODE, `asm("nop");\n${CODE}`],
    ['an alias comes', CODE, `extern int h(struct s *s) __attribute__((alias("f")));\n${CODE}`],
    ['structs are packed', CODE, `#pragma pack(1)\n${CODE}`],
    ['brackets do not pair up', CODE, `${CODE}}`],
  ] as const) {
    it(`yes: ${fact}`, () => {
      assert.equal(affectsCode(before, after), true);
      assert.equal(affectsCode(after, before), true);
    });
  }
});
