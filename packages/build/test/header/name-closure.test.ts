import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findChangedNames, type MovedMembers } from '../../src/header/changed-names.js';
import { FileTexts } from '../../src/header/file-texts.js';
import { HeaderSet } from '../../src/header/header-set.js';
import { type Pastes, readPastes } from '../../src/header/macro-pastes.js';
import { listMacros } from '../../src/header/macro-text.js';
import { type FollowedNames, followNames } from '../../src/header/name-closure.js';
import { ANY_WORD, PastedNames } from '../../src/header/pasted-names.js';
import { collectPastes } from '../../src/header/tree-pastes.js';
import { WordSearch } from '../../src/header/word-search.js';

interface Following {
  readonly unpasted?: ReadonlySet<string>;
  /** What the header is, where the change is only a part of it. */
  readonly compiled?: string;
  readonly settled?: MovedMembers;
}

async function follow(
  before: string,
  after: string,
  other: string,
  { unpasted, compiled = after, settled }: Following = {},
): Promise<FollowedNames> {
  const root = await mkdtemp(join(tmpdir(), 'resplice-names-'));
  try {
    await writeFile(join(root, 'a.h'), compiled);
    await writeFile(join(root, 'b.h'), other);
    const texts = new FileTexts(root);
    const headers = ['a.h', 'b.h', 'absent.h'];
    return await followNames(
      [findChangedNames(before, after, settled)],
      new HeaderSet(texts, headers),
      await collectPastes({ headers, sources: [] }, texts),
      unpasted,
    );
  } finally {
    await rm(root, { recursive: true });
  }
}

/** A member or a value of type int becomes a long. */
const followWider = (before: string, other: string): Promise<FollowedNames> =>
  follow(before, before.replace('int', 'long'), other);

function pastesOf(text: string): Pastes {
  const pasting = [...listMacros(text)].flatMap((macro) => readPastes(macro) ?? []);
  const pastes = pasting.flatMap(({ name, patterns }) =>
    patterns.map((pattern) => ({ pattern, macros: [name] })),
  );
  return { pastes, users: [], called: [], unknown: [], appliers: [], accessors: [], taggers: [], handed: [] };
}

const sorted = ({ words, members, accesses, tags }: FollowedNames) =>
  [...new Set([...words, ...members, ...accesses, ...tags])].sort();
const F = (value: number) => `static inline int f(void) { return ${value}; }\n`;

test('inline functions and macros carry a change on, prototypes do not', async () => {
  const names = await follow(
    F(1),
    F(2),
    '#define G f()\nstatic inline int h(void) { return G; }\nint other(int f);\n',
  );
  assert.deepEqual(sorted(names), ['G', 'f', 'h']);
});

test('the directives that keep line numbers are no names', async () => {
  const compiled = 'enum e {\nA,\nB,\n#line 3\nC,\nD\n};\nstruct s {\nint a;\n#line 8\nint b;\n};\n';
  const after = compiled.replace(/#line \d+\n/g, '');
  const before = after.replace('B,\n', '').replace('int a;\n', '');
  const names = await follow(before, after, '#define POSITION line\n', { compiled });
  assert.deepEqual(sorted(names), ['B', 'C', 'D', 'a', 'b', 's']);
});

test('a changed event concerns who makes its code, and not the machinery that all events use', async () => {
  const event = (value: number) => `TRACE_EVENT(shown, TP_PROTO(int a), TP_printk("${value}"));\n`;
  const machinery = '#ifdef CREATE_TRACE_POINTS\n#define MACHINERY 1\nint run(void);\n#endif\n';
  const names = await follow(event(1), event(2), machinery);
  assert.deepEqual(sorted(names), ['shown', 'trace_shown']);
});

test('a changed event concerns no other event', async () => {
  const event = (name: string, value: number) =>
    `TRACE_EVENT(${name}, TP_PROTO(int a), TP_printk("${value}"));\n`;
  const machinery = '#define DECLARE_TRACE(name, proto) static inline void trace_##name(proto) {}\n';
  const { words, carriers } = await follow(
    event('shown', 1),
    event('shown', 2),
    machinery + event('other', 1),
  );
  assert.deepEqual([...words].sort(), ['shown', 'trace_shown']);
  assert.deepEqual(carriers, ['a.h']);
});

test('what a header calls its events is no part of a changed name', async () => {
  const paste = '#define PROBE(x) x##_probe()\n#define TRACE_SYSTEM tcp\n#define VARIABLE TRACE_SYSTEM\n';
  assert.deepEqual(sorted(await follow('#define tcp_probe() 1\n', '#define tcp_probe() 2\n', paste)), [
    'tcp_probe',
  ]);
  assert.deepEqual(sorted(await follow('#define TRACE_SYSTEM a\n', '#define TRACE_SYSTEM b\n', paste)), [
    'TRACE_SYSTEM',
    'VARIABLE',
  ]);
});

test('what is compiled under a changed condition is changed', async () => {
  const names = await follow(
    '#define X 1\n',
    '#define X 2\n',
    '#if X > 1\nint g(void);\n#endif\nint h(void);\n',
  );
  assert.deepEqual(sorted(names), ['X', 'g']);
});

test('a structure that holds a changed one is changed, one that points to it only by that member', async () => {
  const holder =
    'struct t { int x; struct s in; int y; };\nstruct u { struct s *link; int z; };\nint take(struct s *p);\nstruct s *give(void);\n';
  const names = await follow('struct s { int a; };', 'struct s { long a; };', holder);
  assert.deepEqual(sorted(names), ['a', 'give', 'in', 'link', 's', 't', 'y']);
});

test('a header that makes code where it is included carries the change to all includers', async () => {
  const names = await follow(F(1), F(2), 'int made(void) { return f(); }\n');
  assert.deepEqual(names.carriers, ['b.h']);
});

test('a name that a macro makes is found by its parts', async () => {
  const pages =
    '#define FLAG(u) static inline int Page##u(void) { return f(); }\n#define TEST(u) Page##u()\n';
  const names = await follow(F(1), F(2), `${pages}FLAG(Locked)\nFLAG(Dirty)\n`);
  assert.deepEqual(names.carriers, ['b.h']);
  const pasted = new PastedNames(['PageLocked'], pastesOf(pages), ANY_WORD);
  assert.equal(pasted.canMake(new Set(['TEST', 'Locked'])), true);
  assert.equal(pasted.canMake(new Set(['TEST', 'Active'])), false);
});

test('the words of a name make it where a macro takes part that pastes so, and nowhere else', async () => {
  const join =
    '#define EACH(m, a, b) m(a, b)\n#define JOIN(a, b) a##_##b\n#define OTHER(a) x_##a\n#define VIA(a, b) JOIN(a, b)\n';
  const pieces = [
    'static inline int u1(int tcp, int sk) { return tcp + sk; }',
    'static inline int u2(int tcp) { return g(tcp, sk) + OTHER(tcp + sk); }',
    '#define u3(tcp, a) ((tcp)->sk + (a))',
    '#define u4(a) g(a, tcp, sk)',
    'static inline int u5(void) { return JOIN(1 + tcp->sk, 2) + JOIN(a.sk.x, b.tcp); }',
    'enum { U4 = tcp + sk };',
    'static inline int m1(void) { return VIA(tcp, sk)(1); }',
    '#define m2 (1 + JOIN(tcp, sk))',
    '#define m3 tcp, sk',
    '#define u6 (tcp, sk)',
    '#define u7 tcp(sk)',
    'enum { M4 = VIA(tcp, sk) };',
    'EACH(VIA, tcp, sk)',
  ];
  const change = (value: number) => `#define tcp_sk ${value}\n`;
  const names = await follow(change(1), change(2), `${join}${pieces.join('\n')}\n`);
  assert.deepEqual(sorted(names), ['M4', 'm1', 'm2', 'm3', 'tcp_sk']);
  assert.deepEqual(names.carriers, ['b.h']);
});

test('a parameter of a macro is another name', async () => {
  const other = '#define A(state) ((state)->x)\n#define B(s) ((s)->state)\n';
  const before = 'struct s { int state; };';
  assert.deepEqual(sorted(await followWider(before, other)), ['B', 's', 'state']);
});

test('a member is followed to who accesses it, not to who has a word of its name', async () => {
  const other = [
    'static inline int u1(int id) { return g(id) + s[id]; }',
    'struct u2 { int id; };',
    '#define u3(id) (id)',
    'static inline int a1(struct box *s) { return s->id; }',
    '#define TYPE typeof(*first_box)',
    '#define each_field(m) offsetof(TYPE, m)',
    'extern struct box *first_box;',
    '#define offsetof(t, m) __builtin_offsetof(t, m)',
    '#define a2 each_field(id)',
    'static inline int a3(void) { return each_field(id); }',
    'static const struct box a4 = { .id = 1 };',
    '#define a5 id',
  ].join('\n');
  const change = (type: string) => `struct box { int first; ${type} id; };\n`;
  const names = await follow(change('int'), change('long'), other);
  assert.deepEqual(sorted(names), [
    'TYPE',
    'a1',
    'a2',
    'a3',
    'a4',
    'a5',
    'box',
    'each_field',
    'first_box',
    'id',
  ]);
  assert.deepEqual([...names.members], ['id']);
});

test('a name that nobody had before is made by nobody', async () => {
  const b = '#define IGNORE(c) diag_##c()\n#define ALL IGNORE(clang)\n';
  assert.deepEqual(sorted(await follow('', '#define diag_clang() 1\n', b)), ['ALL', 'diag_clang']);
  const brought = new Set(['diag_clang']);
  assert.deepEqual(sorted(await follow('', '#define diag_clang() 1\n', b, { unpasted: brought })), [
    'diag_clang',
  ]);
});

test('parts may be handed on by another macro', async () => {
  const text = '#define __JOIN(a, b) a##b\n#define JOIN(a, b) __JOIN(a, b)\n#define READ(x) JOIN(read_, x)\n';
  const pasted = new PastedNames(['read_msr'], { ...pastesOf(text), handed: [['read_', 'READ']] }, ANY_WORD);
  assert.equal(pasted.canMake(new Set(['READ', 'msr'])), true);
  assert.equal(pasted.canMake(new Set(['msr'])), false);
});

test('whole words are found, parts of words are not', () => {
  const search = new WordSearch(['skb', 'sock_put']);
  assert.deepEqual([...search.find(Buffer.from('sk_skb(skb2); x->skb = sock_put_all'))], ['skb']);
});

test('a structure is followed by its tag, and not to variables of that name', async () => {
  const before = 'struct port { int a; };\n';
  const other = [
    'struct link { struct port port; };',
    'struct far { struct port *port; int same; };',
    'static inline int get(int port) { return port; }',
    'static inline int size(void) { return sizeof(struct port); }',
    '#define compat_port port',
    '#define OF(tag) sizeof(struct tag)',
    '#define ANY(tag) g(tag)',
    'static inline int of(void) { return OF(port); }',
    'static inline int any(int port) { return ANY(port); }',
  ].join('\n');
  assert.deepEqual(sorted(await followWider(before, other)), [
    'a',
    'compat_port',
    'link',
    'of',
    'port',
    'size',
  ]);
});

test('a member is followed to where something gives its structure', async () => {
  const before = 'struct port { int x; };\n';
  const other = [
    'static inline int of_point(struct point *p) { return p->x; }',
    'struct link { struct port *end; };',
    'static inline int by_member(struct link *l) { return l->end->x; }',
    'static inline int by_point(struct line *l) { return l->start->x; }',
    '#define X_OF(p) ((p)->x)',
    'static inline int with_point(struct point *p) { return X_OF(p); }',
    'static inline int with_port(struct link *l) { return X_OF(l->end); }',
    '#define END_OF(l) (l)->end',
    '#define FAR_END(l) END_OF((l)->next)',
    'static inline int by_macro(struct link *l) { return FAR_END(l)->x; }',
    'typedef struct point *(*point_getter)(struct port *p);',
    'static inline int by_getter(point_getter get) { return get(0)->x; }',
  ].join('\n');
  const names = await followWider(before, other);
  assert.deepEqual(sorted(names), [
    'END_OF',
    'FAR_END',
    'X_OF',
    'by_macro',
    'by_member',
    'end',
    'port',
    'with_port',
    'x',
  ]);
});

test('what a macro declares of a structure may have any name', async () => {
  const before = 'struct port { int x; };\n';
  const other =
    'DECLARE_SHARED(struct port);\nstatic inline int of_point(struct point *p) { return p->x; }\n';
  const { words, carriers } = await followWider(before, other);
  assert.deepEqual([...words], []);
  assert.deepEqual(carriers, ['b.h']);
});

test('where too much leads to a structure, its member tells who is concerned, and no header is one for all', async () => {
  const before = 'struct port { int x; };\n';
  const pointers = Array.from({ length: 1200 }, (_, at) => `struct s${at} { struct port *p; };`);
  const other = ['DECLARE_SHARED(struct port);', ...pointers, 'int of_x(struct s9 *s);'].join('\n');
  const { owners, carriers } = await follow(before, before.replace('int', 'long'), other, {
    settled: new Map([['port', ['x']]]),
  });
  assert.equal(owners.isOpen, true);
  assert.deepEqual(carriers, []);
});

test('what stands behind a structure and says how it is laid out is no name', async () => {
  const before = 'struct s { int a; } ____cacheline_aligned_in_smp;\n';
  const other = 'struct t { int b ____cacheline_aligned_in_smp; };\n';
  assert.deepEqual(sorted(await followWider(before, other)), ['a', 's']);
});

test('constants that come from an included file are those of all includers', async () => {
  const other = 'enum e {\n#define ROW(n) ROW_##n = f(),\n#include "rows.h"\n#undef ROW\n\tLAST = f()\n};\n';
  const { words, carriers } = await follow(F(1), F(2), other);
  assert.deepEqual(
    [...words].filter((word) => /define|include|rows/.test(word)),
    [],
  );
  assert.deepEqual(carriers, ['b.h']);
});

test('parameters of a callback and words about layout are no names', async () => {
  const before = 'struct s { int a; };\n';
  const other = [
    'typedef int (*callback)(struct s *context);',
    'typedef int handler(struct s *context);',
    'struct ops { enum result (*open)(struct s *context); struct s *(*get)(int context); };',
  ].join('\n');
  assert.deepEqual(sorted(await followWider(before, other)), ['a', 'get', 's']);
});
