import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { findMacroTypes, findTouchedTypes, findTypeBodies } from '../../src/types/type-text.js';

const NOTHING = { tags: [], untagged: false, macros: [] };

describe('what a patch can change of types, in text', () => {
  for (const [fact, before, after, expected] of [
    [
      'a comment or white space is nothing',
      'struct a { int b; };',
      'struct a {\n\tint  b; /* c; } */\n};',
      {},
    ],
    [
      'code is nothing',
      'int f(struct a *x)\n{\n\treturn 0;\n}',
      'int f(struct a *x)\n{\n\treturn x->b;\n}',
      {},
    ],
    ['a new type is nothing', '', 'struct n { int x; };', {}],
    ['a new macro is nothing', '', '#define N 3', {}],
    ['an #include is nothing', '', '#include <linux/a.h>', {}],
    [
      'a member touches its type and those around it',
      'struct a { struct b { int c; } d; };',
      'struct a { struct b { int c; int e; } d; };',
      { tags: ['struct a', 'struct b'] },
    ],
    ['a union', 'union a { int b; };', 'union a { int b; long c; };', { tags: ['union a'] }],
    ['an enumerator', 'enum a { B };', 'enum a { B, C };', { tags: ['enum a'] }],
    ['an attribute behind', 'struct a { int b; };', 'struct a { int b; } __packed;', { tags: ['struct a'] }],
    [
      'an attribute before',
      'struct a { int b; };',
      'struct __attribute__((packed, aligned(4))) a { int b; };',
      { tags: ['struct a'] },
    ],
    [
      'a condition around a member',
      'struct a {\nint b;\n};',
      'struct a {\n#ifdef X\nint b;\n#endif\n};',
      { tags: ['struct a'], untagged: true },
    ],
    [
      'a struct without a tag',
      'typedef struct { int b; } a;',
      'typedef struct { int b, c; } a;',
      { untagged: true },
    ],
    ['a typedef', 'typedef int a;', 'typedef long a;', { untagged: true }],
    ['an enum without a tag', 'enum { A };', 'enum { B, A };', { untagged: true }],
    [
      'a condition around a type',
      'struct a { int b; };',
      '#if X\nstruct a { int b; };\n#endif',
      { untagged: true },
    ],
    ['a macro with another value', '#define N 3', '#define N 4', { macros: ['N'] }],
    ['a macro over several lines', '#define N \\\n 3', '#define N \\\n 4', { macros: ['N'] }],
    ['a macro that goes', '#define N 3', '', { macros: ['N'] }],
    [
      'a macro that makes a struct of its arguments',
      'TRACE_EVENT(x, TP_STRUCT__entry( __field(int, a) ), TP_printk("a"));',
      'TRACE_EVENT(x, TP_STRUCT__entry( __field(int, a) __field(int, b) ), TP_printk("a"));',
      { untagged: true },
    ],
  ] as const) {
    it(fact, () => assert.deepEqual(findTouchedTypes(before, after), { ...NOTHING, ...expected }));
  }

  it('a function that returns a struct defines no type', () => {
    assert.deepEqual([...findTypeBodies('struct a *find(struct b *x) { return 0; }').keys()], []);
  });

  it('a macro counts where a type is written with it, or with another that is', () => {
    const text =
      '#define M (N + 1)\nstruct a { int x[M]; };\nstruct b { int x; };\nint f(void) { return N; }';
    const { macros, tags, untagged } = findMacroTypes(text, new Set(['N']));
    assert.deepEqual([[...macros], tags, untagged], [['N', 'M'], ['struct a'], false]);
  });

  it('a macro counts where a condition asks for it', () => {
    assert.equal(findMacroTypes('#if N > 3\nstruct a { int x; };\n#endif', new Set(['N'])).untagged, true);
  });

  it('any text is read to its end', () => {
    const word = fc.constantFrom(
      ...[
        'struct',
        'union',
        'enum',
        ' a',
        ' b',
        '{',
        '}',
        '/*',
        '*/',
        '"',
        ';',
        '(',
        ')',
        '=',
        '*',
        '\n',
        '\\',
        '#if',
        '#define A',
      ],
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (words) => {
        const text = words.join('');
        return findTypeBodies(text) instanceof Map && findMacroTypes(text, new Set(['A'])).macros.size > 0;
      }),
      { seed: 7 },
    );
  });
});
