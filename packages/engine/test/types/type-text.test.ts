import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { findTouchedTypes, findTypeBodies, livesOnStackOnly } from '../../src/types/type-text.js';

describe('types in text', () => {
  it('a comment or white space changes no type', () => {
    assert.deepEqual(findTouchedTypes('struct a { int b; };', 'struct a {\n\tint  b; /* c; } */\n};'), []);
  });

  it('a new member touches its type and those around it, a new type touches nothing', () => {
    const before = 'struct a { struct b { int c; } d; };';
    const after = 'struct n { int x; }; struct a { struct b { int c; int e; } d; };';
    assert.deepEqual(findTouchedTypes(before, after), ['a', 'b']);
  });

  it('a function that returns a struct defines no type', () => {
    assert.deepEqual([...findTypeBodies('struct a *find(struct b *x) { return 0; }').keys()], []);
  });

  it('a type of local variables lives on the stack only', () => {
    assert.equal(
      livesOnStackOnly(
        'struct a { int b; };\nint f(struct a *x);\nint g(void) { struct a x; return f(&x); }',
        'a',
      ),
      true,
    );
  });

  for (const [how, text] of [
    ['its size is taken', 'struct a { int b; };\nvoid *f(void) { return kmalloc(sizeof(struct a), 0); }'],
    [
      'the size of what a pointer leads to is taken',
      'struct a { int b; };\nvoid f(void) { struct a *x; x = kzalloc(sizeof(*x), 0); }',
    ],
    ['a variable at file scope is one', 'struct a { int b; };\nstatic struct a one;\n'],
    [
      'a static variable of a function is one',
      'struct a { int b; };\nvoid f(void)\n{\n\tstatic struct a one;\n}\n',
    ],
    ['another struct has one', 'struct a { int b; };\nstruct c { struct a one; };'],
    ['a cache is made for it', 'struct a { int b; };\nvoid f(void) { c = KMEM_CACHE(a, 0); }'],
  ] as const) {
    it(`a type does not live on the stack only when ${how}`, () =>
      assert.equal(livesOnStackOnly(text, 'a'), false));
  }

  it('any text is read to its end', () => {
    const word = fc.constantFrom(
      'struct',
      'union',
      ' a',
      ' b',
      '{',
      '}',
      '/*',
      '*/',
      '"',
      ';',
      '(',
      '\n',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(word), (words) => findTypeBodies(words.join('')) instanceof Map),
      { seed: 7 },
    );
  });
});
