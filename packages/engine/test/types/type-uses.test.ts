import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  findTypeUses,
  livesInConstantsOnly,
  livesInMemory,
  livesOnStackOnly,
} from '../../src/types/type-uses.js';

const DEFINITION = 'struct a { int b; };\n';
const usesOf = (text: string, type = 'struct a') =>
  findTypeUses(type, [{ path: 'x.c', text: DEFINITION + text }]);
const inFunction = (body: string) => `static int f(struct a *q)\n{\n\tstruct a *p;\n\t${body}\n}\n`;

describe('where objects of a type live', () => {
  for (const [fact, text, by, clears] of [
    ['kzalloc of the type', inFunction('p = kzalloc(sizeof(struct a), GFP_KERNEL);'), 'kzalloc', true],
    [
      'kmalloc of what the pointer leads to',
      inFunction('p = kmalloc(sizeof(*p), GFP_KERNEL);'),
      'kmalloc',
      false,
    ],
    [
      'kmalloc that is told to clear',
      inFunction('p = kmalloc(sizeof(*p), GFP_KERNEL | __GFP_ZERO);'),
      'kmalloc',
      true,
    ],
    ['the operand without parentheses', inFunction('p = kzalloc(sizeof *p, GFP_KERNEL);'), 'kzalloc', true],
    [
      'of the second pointer of a declaration',
      'int f(void)\n{\n\tstruct a *q, *p;\n\tp = kzalloc(sizeof(*p), 0);\n}\n',
      'kzalloc',
      true,
    ],
    [
      'of a member that points to one',
      'struct h { struct a *m; };\nvoid f(struct h *h)\n{\n\th->m = kzalloc(sizeof(*h->m), 0);\n}\n',
      'kzalloc',
      true,
    ],
    ['an array', inFunction('p = kcalloc(3, sizeof(*p), 0);'), 'kcalloc', true],
    ['with a flexible array', inFunction('p = kzalloc(struct_size(p, x, 3), 0);'), 'kzalloc', true],
    ['managed by the device', inFunction('p = devm_kzalloc(dev, sizeof(*p), 0);'), 'devm_kzalloc', true],
    [
      'a cache',
      'void f(void)\n{\n\tc = kmem_cache_create("a", sizeof(struct a), 0, 0, NULL);\n}\n',
      'kmem_cache_create',
      false,
    ],
    ['a cache by macro', 'void f(void)\n{\n\tc = KMEM_CACHE(a, 0);\n}\n', 'KMEM_CACHE', false],
    ['per CPU', inFunction('p = alloc_percpu(struct a);'), 'alloc_percpu', true],
    ['a copy', inFunction('p = kmemdup(q, sizeof(*q), 0);'), 'kmemdup', false],
    [
      'private data of a network device',
      'void f(void)\n{\n\tn = alloc_etherdev(sizeof(struct a));\n}\n',
      'alloc_etherdev',
      true,
    ],
  ] as const) {
    it(`allocated: ${fact}`, () => {
      const { allocations } = usesOf(text);
      assert.deepEqual(
        [allocations[0]?.by, allocations[0]?.clears, allocations[0]?.inside],
        [by, clears, 'f'],
      );
    });
  }

  for (const [fact, text, kind] of [
    ['part of another struct', 'struct c { struct a one; };', 'embeddedIn'],
    ['part of another struct, as an array', 'struct c { int n; struct a many[4]; };', 'embeddedIn'],
    ['a typedef, which may stand anywhere', 'typedef struct a a_t;', 'embeddedIn'],
    ['a variable at file scope', 'static struct a one;\n', 'variables'],
    [
      'a variable with attributes',
      'struct a one\n#ifdef X\n__data\n#endif\n__aligned(64)\n= { .b = 1 };\n',
      'variables',
    ],
    ['a table', 'static const struct a table[] = { { 1 } };\n', 'variables'],
    ['a static variable of a function', 'void f(void)\n{\n\tstatic struct a one;\n}\n', 'variables'],
    ['a per-CPU variable', 'static DEFINE_PER_CPU(struct a, one);\n', 'variables'],
    ['a size that goes anywhere', 'struct ops o = {\n\t.priv_size = sizeof(struct a),\n};\n', 'sized'],
    ['other bytes', 'void f(char *b)\n{\n\tg(((struct a *)b)->b);\n}\n', 'shared'],
    ['an object that another one leads to', inFunction('p = x->private;'), 'shared'],
    [
      'a stack that other threads see',
      'void f(void)\n{\n\tstruct a x;\n\tqueue_work(q, &x.work);\n}\n',
      'shared',
    ],
    ['a pointer that is kept', inFunction('x->private = p;'), 'shared'],
  ] as const) {
    it(`beyond a call: ${fact}`, () => {
      const uses = usesOf(text);
      assert.ok(uses[kind].length > 0, JSON.stringify(uses));
      assert.equal(livesOnStackOnly(uses), false);
    });
  }

  for (const [fact, text] of [
    ['local variables', 'int f(struct a *x);\nint g(void)\n{\n\tstruct a x;\n\treturn f(&x);\n}\n'],
    [
      'cleared by its size',
      'int g(void)\n{\n\tstruct a x, *p = &x;\n\tmemset(p, 0, sizeof(*p));\n\treturn 0;\n}\n',
    ],
    ['found from a part of it', inFunction('p = container_of(t, struct a, b);')],
    ['the prototype of an allocator', 'int a_alloc(struct a **x);\n'],
  ] as const) {
    it(`on the stack only: ${fact}`, () => {
      const uses = usesOf(text);
      assert.equal(livesOnStackOnly(uses), true, JSON.stringify(uses));
      assert.equal(livesInMemory(uses), false);
    });
  }

  it('an allocation is certain where its pointer is declared, and counts where only its name is the same', () => {
    const other = 'void g(void)\n{\n\tother_t *p;\n\tp = kmalloc(sizeof(*p), 0);\n}\n';
    const { allocations } = usesOf(inFunction('p = kzalloc(sizeof(*p), 0);') + other);
    assert.deepEqual(
      allocations.map(({ by, certain }) => [by, certain]),
      [
        ['kzalloc', true],
        ['kmalloc', false],
        ['kzalloc', true],
        ['kmalloc', false],
      ].filter((_, at) => at < allocations.length),
    );
  });

  it('what a function does with a pointer of that name to another struct is not about this type', () => {
    const other =
      'void g(struct x *x)\n{\n\tstruct other *q, *p;\n\tp = x->y;\n\tp = kmalloc(sizeof(*p), 0);\n}\n';
    const uses = usesOf(inFunction('p = q;') + other);
    assert.deepEqual([uses.allocations, uses.shared], [[], []]);
    const member = 'void g(struct x *x)\n{\n\tstruct other *p;\n\tx->p = kmalloc(sizeof(*x->p), 0);\n}\n';
    assert.equal(usesOf(inFunction('p = q;') + member).allocations[0]?.by, 'kmalloc');
  });

  for (const [fact, text, expected] of [
    [
      'a table that is looked up',
      'static const struct a t[] = { { 1 } };\nint f(int i)\n{\n\tconst struct a *p = &t[i];\n\treturn p->b;\n}\n',
      true,
    ],
    ['one that is written to', 'static struct a t[] = { { 1 } };\n', false],
    [
      'a row that a struct points at',
      'static const struct a t[] = { { 1 } };\nstruct h { int x; const struct a *row; };\n',
      false,
    ],
    [
      'a row that a variable points at',
      'static const struct a t[] = { { 1 } };\nstatic const struct a *last;\n',
      false,
    ],
    [
      'a row that a variable of a function points at',
      'static const struct a t[] = { { 1 } };\nvoid f(void)\n{\n\tstatic const struct a *last;\n}\n',
      false,
    ],
    [
      'a row that comes back as data of a driver',
      `static const struct a t[] = { { 1 } };\n${inFunction('p = of_device_get_match_data(dev);')}`,
      false,
    ],
    ['copies', 'static const struct a t[] = { { 1 } };\nstruct h { struct a one; };\n', false],
    ['no table at all', 'int f(struct a *p);\n', false],
  ] as const) {
    it(`in constants only, or not: ${fact}`, () => {
      const uses = usesOf(text);
      assert.equal(livesInConstantsOnly(uses), expected, JSON.stringify(uses));
    });
  }

  it('a struct of a longer name is another one', () => {
    assert.deepEqual(usesOf('static struct ab one;\nstruct c { struct ab two; };').variables, []);
  });

  it('any text is read to its end', () => {
    const word = fc.constantFrom(
      ...[
        'struct a ',
        '*',
        'p',
        '{',
        '}',
        ';',
        '(',
        ')',
        '=',
        'sizeof',
        'kzalloc',
        '\n{',
        '\n}',
        ' static ',
        '->',
        ',',
        '[',
      ],
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 80 }), (words) => Array.isArray(usesOf(words.join('')).files)),
      { seed: 7 },
    );
  });
});
