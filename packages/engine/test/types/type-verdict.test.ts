import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareTypes, findRecordIds } from '../../src/types/compare-types.js';
import { isPlainRename } from '../../src/types/rename-text.js';
import { findTypeUses } from '../../src/types/type-uses.js';
import { judgeEnumerators, judgeRecord } from '../../src/types/type-verdict.js';
import { isWireFormat } from '../../src/types/wire-format.js';
import { compileTypes } from './compiled-types.js';

const DEBIAN = { handled: false, clearsMemory: true, addsState: false };

/** As `create` does it, of one file. */
function judge(before: string, after: string, code: string, context: Partial<typeof DEBIAN> = {}) {
  const [pre, post] = [compileTypes(before), compileTypes(after)];
  const [change] = compareTypes(pre, post).records.filter(({ type }) => type === 'struct t');
  assert.ok(change !== undefined);
  const uses = findTypeUses('struct t', [{ path: 'x.c', text: `${before}\n${code}` }]);
  const names = new Map(
    change.members.flatMap(({ name, newName }) => (newName === undefined ? [] : [[name, newName]])),
  );
  const rename = code.split('/* after */');
  return judgeRecord(change, uses, {
    ...DEBIAN,
    ...context,
    wireFormat: [pre, post].every((btf) =>
      (findRecordIds(btf).get('struct t') ?? []).every((id) => isWireFormat(btf, id)),
    ),
    plainRename: isPlainRename([rename[0] ?? ''], [rename[1] ?? ''], names),
  });
}

const KZALLOC = 'void f(void)\n{\n\tstruct t *p = kzalloc(sizeof(*p), 0);\n}\n';
const KMALLOC = 'void f(void)\n{\n\tstruct t *p = kmalloc(sizeof(*p), 0);\n}\n';
const STACK = 'int f(void)\n{\n\tstruct t x = { 0 };\n\treturn g(&x);\n}\n';
const CAST = 'int f(char *b)\n{\n\tstruct t *x = (struct t *)b;\n\treturn x->b;\n}\n';
const SMALL = 'struct t { char a; long b; };';
const PADDED = 'struct t { char a; int c; long b; };';
const LONGER = 'struct t { char a; long b; long c; };';

describe('the verdict on a type', () => {
  for (const [fact, before, after, code, expected] of [
    ['a member in padding of cleared objects', SMALL, PADDED, KZALLOC, 'unused-bytes'],
    ['a member in padding where the kernel clears', SMALL, PADDED, KMALLOC, 'unused-bytes'],
    ['a larger object of which there may be some', SMALL, LONGER, KZALLOC, 'layout refused'],
    ['a larger object on a stack', SMALL, LONGER, STACK, 'on-stack'],
    [
      'a larger row of a table',
      SMALL,
      LONGER,
      'static const struct t rows[] = { { 1 } };\n',
      'constant-table',
    ],
    [
      'a larger object that is part of another struct',
      SMALL,
      LONGER,
      'struct c { struct t x; };',
      'layout refused',
    ],
    ['a larger object per CPU', SMALL, LONGER, 'static DEFINE_PER_CPU(struct t, x);', 'layout refused'],
    ['a larger static variable', SMALL, LONGER, 'static struct t x;\n', 'layout refused'],
    ['a larger object that other bytes are taken for', SMALL, LONGER, CAST, 'layout refused'],
    [
      'a list in padding',
      'struct t { char a; long b __attribute__((aligned(32))); };',
      'struct t { char a; struct list_head l; long b __attribute__((aligned(32))); };',
      KZALLOC,
      'initial-value refused',
    ],
    [
      'another order of what comes from a wire',
      'struct t { __le32 a; __be16 b; };',
      'struct t { __be16 b; __le32 a; };',
      CAST.replace('x->b', 'sizeof(struct t)'),
      'wire-format',
    ],
    [
      'what comes from a wire and is kept',
      'struct t { __le32 a; __be16 b; };',
      'struct t { __be16 b; __le32 a; };',
      KZALLOC,
      'layout refused',
    ],
    [
      'a new name',
      'struct t { int a; };',
      'struct t { int b; };',
      `${KZALLOC}/* before */ p->a = 1;\n/* after */ p->b = 1;\n return p->b + 2;`,
      'renamed',
    ],
    [
      'a new use of the place',
      'struct t { int a; };',
      'struct t { int b; };',
      `${KZALLOC}/* before */ p->a = 1;\n/* after */ p->b = 7;`,
      'layout refused',
    ],
  ] as const) {
    it(`${fact}: ${expected}`, () => {
      const verdict = judge(before, after, code);
      assert.equal(`${verdict.class}${verdict.safe ? '' : ' refused'}`, expected, verdict.because);
    });
  }

  it('a member in padding is refused where nobody clears, and says who', () => {
    const verdict = judge(SMALL, PADDED, KMALLOC, { clearsMemory: false });
    assert.equal(verdict.because, 'kmalloc() in f leaves the unused bytes as they are');
  });

  it('a member that goes is nothing, unless what it holds may be looked for elsewhere', () => {
    const [before, after] = ['struct t { int a; int b; };', 'struct t { int a; int :32; };'];
    assert.equal(judge(before, after, KZALLOC).class, 'member-gone');
    const verdict = judge(before, after, KZALLOC, { addsState: true });
    assert.equal(verdict.safe, false);
    assert.match(verdict.because, /what b holds/);
  });

  it('the word of the author counts', () => {
    assert.equal(judge(SMALL, LONGER, KZALLOC, { handled: true }).class, 'handled');
  });
});

describe('the verdict on enumerators', () => {
  const of = (before: string, after: string, text: string) =>
    judgeEnumerators(compareTypes(compileTypes(before), compileTypes(after)).renumbered, [text], false).safe;

  for (const [fact, before, after, text, expected] of [
    ['a new one at the end', 'enum e { A };', 'enum e { A, B };', '', true],
    [
      'the number of all',
      'enum e { A, E_MAX };',
      'enum e { A, B, E_MAX };',
      'int x[E_MAX]; if (i >= E_MAX) f();',
      true,
    ],
    [
      'the number of all, kept as a value',
      'enum e { A, E_MAX };',
      'enum e { A, B, E_MAX };',
      'p->state = E_MAX;',
      false,
    ],
    [
      'the number of all, returned',
      'enum e { A, E_MAX };',
      'enum e { A, B, E_MAX };',
      'return E_MAX;',
      false,
    ],
    ['one in the middle', 'enum e { A, C };', 'enum e { A, B, C };', '', false],
  ] as const) {
    it(`${fact}: ${expected ? 'safe' : 'refused'}`, () => assert.equal(of(before, after, text), expected));
  }
});

describe('bytes of a stated order', () => {
  for (const [fact, code, expected] of [
    ['numbers of a stated order', 'struct t { __le32 a; u8 b[4]; struct { __be16 c; } d[2]; };', true],
    ['bytes alone tell nothing', 'struct t { u8 a[8]; };', false],
    ['a number of the processor', 'struct t { __le32 a; u32 b; };', false],
    ['a pointer', 'struct t { __le32 a; void *p; };', false],
  ] as const) {
    it(fact, () => {
      const btf = compileTypes(code);
      assert.equal(isWireFormat(btf, findRecordIds(btf).get('struct t')?.[0] ?? 0), expected);
    });
  }
});
