import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { condenseErrors, parseComplaint } from '../../src/split/complaint.js';
import { compileAlone } from './compile-alone.js';

/** What gcc itself says of the code, read. */
async function complainAbout(code: string) {
  return parseComplaint(await compileAlone(new Map([['a.c', `${code}\n`]])));
}

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'a member that a structure lacks',
    'struct s { int a; }; int f(struct s *p) { return p->armed; }',
    ['s armed'],
  ],
  [
    'a member behind a typedef',
    'typedef struct s { int a; } s_t; int f(s_t *p) { return p->armed; }',
    ['s armed'],
  ],
  ['a member of an initialiser', 'struct s { int a; }; struct s v = { .armed = 1 };', ['s armed']],
  ['a function without declaration', 'int f(void) { return missing(1); }', ['missing']],
  ['a name in a function', 'int f(void) { return LIMIT; }', ['LIMIT']],
  ['a name outside of functions', 'int table[LIMIT];', ['LIMIT']],
  ['too few arguments', 'int g(int a, int b); int f(void) { return g(1); }', ['g']],
  ['too many arguments', 'int g(int a); int f(void) { return g(1, 2); }', ['g']],
  ['an argument of another type', 'int g(int *a); int f(char *p) { return g(p); }', ['g']],
  ['a macro with more parameters', '#define M(a) a\nint f(void) { return M(1, 2); }', ['M']],
  ['two declarations that differ', 'int g(int a); int g(char *a);', ['g']],
  ['a static that was declared global', 'int g(int a); static int g(int a) { return a; }', ['g']],
  ['a definition too many', 'int g(void) { return 1; }\nint g(void) { return 2; }', ['g']],
  ['an unknown type', 'fresh_t f(void);', ['fresh_t']],
  ['an object of an unknown structure', 'int f(void) { struct fresh v; return 0; }', ['v']],
  ['a pointer into an unknown structure', 'int f(struct fresh *p) { return p->a; }', ['fresh']],
  ['the size of an unknown structure', 'int f(void) { return sizeof(struct fresh); }', ['fresh']],
  ['a header that is not there', '#include <linux/fresh.h>', ['linux/fresh.h']],
];

for (const [what, code, expected] of CASES) {
  test(`gcc names ${what}`, async () => {
    const { names, files } = await complainAbout(code);
    const found = names.map(({ tag, name }) => (tag === undefined ? name : `${tag} ${name}`));
    for (const name of expected) assert.ok(found.includes(name), `${name} in ${JSON.stringify(found)}`);
    assert.deepEqual(files, ['a.c']);
  });
}

test('gcc names a static function that nothing uses, where that is an error', () => {
  const text = "a.c:1:12: error: 'g' defined but not used [-Werror=unused-function]";
  assert.deepEqual(parseComplaint(text).names, [{ kind: 'name', name: 'g' }]);
});

test('the lines of source that gcc shows give words where its messages name nothing', async () => {
  const { words } = await complainAbout('void g(void); int f(void) { int value = g(); return value; }');
  assert.ok(words.has('value'), [...words].join(' '));
});

test('an error that comes with each object is kept once', () => {
  const text = "include/a.h:3:5: error: unknown type name 'x'\n    3 | x f;\n      | ^";
  assert.equal(condenseErrors([text, text]), text.split('\n').slice(0, 2).join('\n'));
});

test('files are named as in the tree, however the compiler came to them', () => {
  const text = './include/a.h:1:1: error: x\namd/amdgpu/../pm/b.c:2:1: error: y';
  assert.deepEqual(parseComplaint(text).files, ['include/a.h', 'amd/pm/b.c']);
});

test('any text is read without an error', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a.c:1 error\'"|\n{}'), maxLength: 300 }), (text) => {
      return parseComplaint(text).names.every(({ name }) => name !== '');
    }),
    { seed: 4, numRuns: 300 },
  );
});
