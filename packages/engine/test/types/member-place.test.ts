import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareTypes } from '../../src/types/compare-types.js';
import { moveMembers, restoreMembers } from '../../src/types/member-text.js';
import { compileTypes } from './compiled-types.js';

const compare = (before: string, after: string) =>
  compareTypes(compileTypes(before), compileTypes(after)).records.find(({ type }) => type === 'struct t');
const struct = (members: string) => `struct t {\n${members.replace(/;\s*/g, ';\n')}};\n`;

describe('a place for new members in bytes that existing objects have', () => {
  for (const [fact, before, after, places] of [
    ['a hole between members', 'char a; void *p; int z;', 'char a; void *p; int n; int z;', ['n behind z']],
    [
      'the smallest hole that fits',
      'char a; long p; short b; int c;',
      'char n; char a; long p; short b; int c;',
      ['n behind b'],
    ],
    [
      'a hole with the right alignment',
      'short a; int b; char c; void *p;',
      'int n; short a; int b; char c; void *p;',
      ['n behind c'],
    ],
    [
      'several in one hole',
      'char a; void *p;',
      'u8 m; int n; char a; void *p;',
      ['n behind a', 'm behind a'],
    ],
    [
      'several, one behind the other',
      'int a; void *p;',
      'short m; short n; int a; void *p;',
      ['m behind a', 'n behind m'],
    ],
    [
      'a bit joins the bits that are there',
      'u32 a:1; u32 b:1; void *q;',
      'u32 a:1; u32 n:1; u32 b:1; void *q;',
      ['n behind b'],
    ],
    ['the end of the object', 'void *p; char a;', 'void *p; int n; char a;', ['n behind a']],
  ] as const) {
    it(fact, () => {
      const [pre, post] = [struct(before), struct(after)];
      const change = compare(pre, post);
      assert.equal(change?.kind, 'layout');
      assert.deepEqual(
        change.places?.added.map(({ name, behind }) => `${name} behind ${behind}`),
        places,
      );
      const text = moveMembers(post, 'struct t', change.places?.added ?? []);
      assert.equal(compare(pre, text ?? '')?.kind, 'padding', text);
    });
  }

  for (const [fact, before, after] of [
    ['no unused byte', 'void *p; void *q;', 'void *p; int n; void *q;'],
    [
      'a hole that is too small',
      'char a; short b; int c; void *q;',
      'char a; short b; int n; int c; void *q;',
    ],
    [
      'bits of another unit',
      'u32 a:1; void *p; u32 b:31; void *q;',
      'u32 a:1; void *p; u32 b:31; u32 n:2; void *q;',
    ],
    ['a byte in a unit of bits', 'u32 a:1; int b; void *q;', 'u8 n; u32 a:1; int b; void *q;'],
    ['a bit without others to join', 'char a; void *q;', 'u32 n:1; char a; void *q;'],
    [
      'a member that must be set up',
      'char a; struct mutex m;',
      'char a; struct list_head n; struct mutex m;',
    ],
    ['another change besides', 'char a; void *p; int b;', 'int n; char a; void *p; long b;'],
    ['room behind a flexible array', 'void *p; char a; char f[];', 'void *p; int n; char a; char f[];'],
  ] as const) {
    it(`none: ${fact}`, () => assert.equal(compare(struct(before), struct(after))?.places, undefined));
  }
});

describe('members that go', () => {
  for (const [fact, before, after] of [
    ['a bit before others', 'u32 a:1; u32 w:1; u32 b:1; void *p;', 'u32 a:1; u32 b:1; void *p;'],
    ['a lock', 'void *p; struct mutex m; int b;', 'void *p; int b;'],
    ['two in a row', 'void *p; long m; long n; int b;', 'void *p; int b;'],
    ['one that goes and one that comes', 'void *p; long m; int b;', 'void *p; int n; int b;'],
  ] as const) {
    it(`keep their place: ${fact}`, () => {
      const [pre, post] = [struct(before), struct(after)];
      const places = compare(pre, post)?.places;
      assert.ok(places !== undefined && places.kept.length > 0);
      const restored = restoreMembers(pre, post, 'struct t', places.kept);
      const text = moveMembers(restored ?? '', 'struct t', places.added);
      const kind = compare(pre, text ?? '')?.kind;
      assert.ok(kind === undefined || kind === 'padding', text);
    });
  }

  for (const [fact, before, after] of [
    ['the one before changes as well', 'int a;\nint w;\nint b;\n', 'long a;\nint b;\n'],
    ['it is the first', 'int w;\nint b;\n', 'int b;\n'],
    ['it shares its line', 'int a;\nint w, v;\nint b;\n', 'int a;\nint v;\nint b;\n'],
  ] as const) {
    it(`are not restored when ${fact}`, () => {
      const of = (members: string) => `struct t {\n${members}};\n`;
      assert.equal(restoreMembers(of(before), of(after), 'struct t', ['w']), undefined);
    });
  }
});

describe('members moved in text', () => {
  const move = (text: string, name = 'n', behind = 'a') => moveMembers(text, 'struct t', [{ name, behind }]);

  for (const [fact, before, after] of [
    [
      'down',
      'struct t {\n\tint n;\n\tint a;\n\tint b;\n};\n',
      'struct t {\n\tint a;\n\tint n;\n\tint b;\n};\n',
    ],
    [
      'up',
      'struct t {\n\tint a;\n\tint b;\n\tint n; /* x */\n};\n',
      'struct t {\n\tint a;\n\tint n; /* x */\n\tint b;\n};\n',
    ],
    [
      'behind a member with braces',
      'struct t {\n\tint n;\n\tunion {\n\t\tint a;\n\t\tlong c;\n\t};\n};\n',
      'struct t {\n\tunion {\n\t\tint a;\n\t\tlong c;\n\t};\n\tint n;\n};\n',
    ],
    [
      'behind a function pointer',
      'struct t {\n\tint n;\n\tvoid (*a)(int n);\n};\n',
      'struct t {\n\tvoid (*a)(int n);\n\tint n;\n};\n',
    ],
    [
      'behind a declaration over two lines',
      'struct t {\n\tint n;\n\tint b,\n\t    a;\n};\n',
      'struct t {\n\tint b,\n\t    a;\n\tint n;\n};\n',
    ],
    [
      'out of a condition',
      'struct t {\n\tint a;\n#ifdef X\n\tint n;\n#endif\n\tint b;\n};\n',
      'struct t {\n\tint a;\n\tint n;\n#ifdef X\n#endif\n\tint b;\n};\n',
    ],
  ] as const) {
    it(fact, () => assert.equal(move(before), after));
  }

  for (const [fact, text] of [
    ['two members in one declaration', 'struct t {\n\tint n, m;\n\tint a;\n};\n'],
    ['two declarations in one line', 'struct t {\n\tint n; int m;\n\tint a;\n};\n'],
    ['something behind the place', 'struct t {\n\tint n;\n\tint a; int b;\n};\n'],
    ['two definitions', 'struct t {\n\tint n;\n\tint a;\n};\nstruct t {\n\tint a;\n};\n'],
    ['a comment that goes on', 'struct t {\n\tint n; /* x\n\t\ty */\n\tint a;\n};\n'],
    ['a member of an inner struct', 'struct t {\n\tstruct {\n\t\tint n;\n\t};\n\tint a;\n};\n'],
    ['no such struct', 'struct u {\n\tint n;\n\tint a;\n};\n'],
  ] as const) {
    it(`left alone: ${fact}`, () => assert.equal(move(text), undefined));
  }

  it('any text is read to its end', () => {
    const word = fc.constantFrom(
      ...['struct t {', '}', '{', ';', '\n', ' n', ' a', '/*', '*/', '(', ')', '#', ',', '[', '"'],
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (words) => {
        const moved = move(words.join(''));
        return moved === undefined || moved.length === words.join('').length;
      }),
      { seed: 7 },
    );
  });
});
