import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findBrought, findChangedNames } from '../../src/header/changed-names.js';

const words = (before: string, after: string) => {
  const names = findChangedNames(before, after);
  return [...names.words, ...names.members].sort();
};

test('comments, blanks and moved lines change no name', () => {
  const after = '/* new\n * comment */\n\nstatic inline int f(int a)\n{\n\treturn a; // same\n}\n';
  const names = findChangedNames('static inline int f(int a) { return a; }\n', after);
  assert.deepEqual(words('static inline int f(int a) { return a; }\n', after), []);
  assert.equal(names.undecided, undefined);
});

test('an inline function, a macro, a prototype and a variable are changed by name', () => {
  assert.deepEqual(
    words('static inline int f(int a) { return a; }', 'static inline int f(int a) { return 1; }'),
    ['f'],
  );
  assert.deepEqual(words('#define MAX 3\n', '#define MAX \\\n 4\n'), ['MAX']);
  assert.deepEqual(words('', '__printf(1, 2) extern void say(const char *fmt, ...) __cold;'), ['say']);
  assert.deepEqual(words('extern int limit;', 'extern long limit;'), ['limit']);
});

test('a prototype that comes changes nothing for those who compiled without it, unless it says how to call', () => {
  for (const plain of [
    '__printf(3, 4) int say(const struct device *dev, int error, const char *format, ...);',
    'extern void stop(void);',
    'struct page *look(struct file *file);',
    'size_t __must_check count(const u8 *bytes);',
    'unsigned long f(int (*each)(void *));',
  ])
    assert.deepEqual(words('', plain), plain.includes('(*each)') ? ['f'] : [], plain);
  for (const [declaration, name] of [
    ['void stop(void) __noreturn;', 'stop'],
    ['noreturn void stop(void);', 'stop'],
    ['FASTCALL int f(int a);', 'f'],
    ['static inline int f(int a);', 'f'],
    ['asmlinkage long f(int a);', 'f'],
    ['int f(int a) __pure;', 'f'],
    ['int f(char *a __nonstring);', 'f'],
  ] as const)
    assert.ok(words('', declaration).includes(name), declaration);
});

test('a prototype that goes changes nothing unless something comes for it, in this file or another', () => {
  assert.deepEqual(words('int f(int a);', ''), []);
  assert.deepEqual(words('int f(int a) __pure;', ''), ['f']);
  assert.deepEqual(words('int f(int a);', 'int f(long a);'), ['f']);
  assert.deepEqual(words('int f(int a);', '#define f(a) g(a)\n'), ['f']);
  assert.deepEqual(words('int f(int a);', 'static inline int h(void) { return f(1); }'), ['f', 'h']);
  const elsewhere = findBrought('int g(void);\nint h(void);', 'int h(void);\nint f(long a);');
  assert.deepEqual([...elsewhere].sort(), ['(', ')', ';', 'a', 'f', 'int', 'long']);
  assert.deepEqual([...findChangedNames('int f(int a);', '', new Map(), elsewhere).words], ['f']);
});

test('what the header did not spell before is introduced', () => {
  const names = findChangedNames('#define A 1\n', '#define A 2\n#define B 3\n');
  assert.deepEqual([...names.words].sort(), ['A', 'B']);
  assert.deepEqual([...names.introduced], ['B']);
});

test('members from the first difference on are changed, and the type with them', () => {
  const names = findChangedNames(
    'struct s { int a; int (*open)(struct inode *inode); unsigned c:1; } __packed;',
    'struct s { int a; long b; int (*open)(struct inode *inode); unsigned c:1; } __packed;',
  );
  assert.deepEqual([[...names.words], [...names.members].sort()], [[], ['b', 'c', 'open']]);
  assert.deepEqual([...names.tags], ['s']);
});

test('of a type that keeps its size only members that have moved, are gone or declared otherwise are changed', () => {
  const before = 'struct s { int a; unsigned c:1; struct { int x; } d; };';
  const after = 'struct s { int a; unsigned b:1; unsigned c:1; struct { int x; int y; } d; };';
  const names = findChangedNames(before, after, new Map([['s', []]]));
  assert.deepEqual([[...names.words], [...names.members].sort()], [[], ['d', 'x']]);
  assert.deepEqual([...names.tags], []);
  assert.deepEqual([...findChangedNames(before, after, new Map([['other', []]])).tags], ['s']);
  const conditional = '\n#ifdef A\nint a;\n#endif\n';
  const more = findChangedNames(
    `struct s {${conditional}int c; };`,
    `struct s {${conditional}int b; int c; };`,
    new Map([['s', []]]),
  );
  assert.deepEqual([...more.words, ...more.members], []);
  const moved = findChangedNames(
    'struct s { unsigned a:1; unsigned c:1; long d; };',
    'struct s { unsigned a:1; unsigned b:1; unsigned c:1; long d; };',
    new Map([['s', ['c']]]),
  );
  assert.deepEqual([[...moved.words], [...moved.members], [...moved.tags]], [[], ['c'], []]);
});

test('constants from the first difference on are changed', () => {
  assert.deepEqual(words('enum e { A, B, C };', 'enum e { A, X, B, C };'), ['B', 'C', 'X']);
});

test('a condition belongs to what stands under it', () => {
  assert.deepEqual(
    words('int f(void);\nint g(void);', '#ifdef CONFIG_X\nint f(void);\n#endif\nint g(void);'),
    ['f'],
  );
});

test('an event is used as trace_NAME', () => {
  const before = 'TRACE_EVENT(sent, TP_PROTO(int a), TP_printk("%d", 1));';
  assert.ok(['sent', 'trace_sent'].every((name) => words(before, before.replace('1', '2')).includes(name)));
});

test('a definition that is not inline makes code in every includer', () => {
  assert.equal(findChangedNames('int f(void) { return 1; }', 'int f(void) { return 2; }').emitted, true);
  assert.equal(
    findChangedNames('static int f(void) { return 1; }', 'static int f(void) { return 2; }').emitted,
    false,
  );
});

test('what cannot be told is undecided', () => {
  assert.ok(findChangedNames('', '#include <linux/mm.h>\n').undecided);
  assert.ok(findChangedNames('#pragma pack(1)\n', '').undecided);
  assert.ok(findChangedNames('int f(void) {', 'int f(void) { }').undecided);
  assert.ok(
    findChangedNames(
      '#define A 1\nstatic inline int f(void) { return A; }',
      'static inline int f(void) { return A; }\n#define A 1\n',
    ).undecided,
  );
});

test('a function that both branches of an #if open is one piece', () => {
  const text = '#ifdef A\nint f(int a) {\n#else\nint f(long a) {\n#endif\n\treturn 1;\n}\nint g(void);\n';
  assert.deepEqual(words(text, text.replace('1', '2')), ['f']);
});

test('any text is read without an error', () => {
  const part = fc.constantFrom(
    '{',
    '}',
    '(',
    ')',
    ';',
    '#if X\n',
    '#else\n',
    '#endif\n',
    '#define A(b) c##b\n',
    'struct s ',
    'f',
    '"',
    '/*',
    '*/',
    '\\\n',
    '=',
    'enum ',
  );
  const text = fc.array(fc.oneof(part, fc.string()), { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const names = findChangedNames(before, after);
      return names.undecided !== undefined || before === after || names.words.size >= 0;
    }),
    { seed: 7, numRuns: 2000 },
  );
});

test('an attribute behind a name is not declared', () => {
  const text = (value: number) =>
    `static struct family kept_family __ro_after_init = { .version = ${value} };\n`;
  assert.deepEqual([...findChangedNames(text(1), text(2)).words], ['kept_family']);
});

test('a header that decides an option itself is looked at by text', () => {
  assert.match(findChangedNames('', '#undef CONFIG_SMP\n').undecided ?? '', /CONFIG_SMP/);
});

test('what a constant is set to is no name that changes', () => {
  assert.deepEqual(words('enum { A = BIT(B), C };', 'enum { A = BIT(D), C };'), ['A', 'C']);
});

test('a macro that is defined inside of a structure is no part of it', () => {
  const text = (value: number) => `struct s {\n\tint a;\n#define A_MAX ${value}\n\tint b;\n};\n`;
  const { words, members, tags } = findChangedNames(text(1), text(2));
  assert.deepEqual([[...words], [...members], [...tags]], [['A_MAX'], [], []]);
});
