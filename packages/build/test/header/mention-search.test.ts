import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pastes } from '../../src/header/macro-pastes.js';
import { MacroSet } from '../../src/header/macro-set.js';
import { MentionSearch } from '../../src/header/mention-search.js';
import { ANY_WORD, PastedNames } from '../../src/header/pasted-names.js';

const PASTES: Pastes = {
  pastes: [{ pattern: [null, '_', null], macros: ['CAST'] }],
  users: [],
  called: [],
  unknown: [],
  appliers: ['EACH'],
  accessors: [],
  handed: [],
};
const SEARCH = new MentionSearch(
  { words: new Set(['migrate', 'tcp_sk']), members: new Set(['id']) },
  new PastedNames(['tcp_sk'], PASTES, ANY_WORD),
  new MacroSet(new Set(['offsetof', 'each_entry']), new Set(['EACH'])),
);
const find = (text: string, path = 'a.c') => SEARCH.find(path, Buffer.from(text, 'latin1'));

test('a name that is written is told from the words of one', () => {
  assert.equal(find('int a(void) { return s->migrate(); }'), 'written');
  assert.equal(find('CAST(tcp, sk)->a = 1;'), 'pasted');
  assert.equal(find('struct sock *sk = tcp_sock();'), undefined);
});

test('comments and messages mention nothing', () => {
  assert.equal(find('/* may migrate */ int a; // migrate'), undefined);
  assert.equal(find(`static const char *a = "migrate\\" tcp";\nint b = 'sk'; /* \xe9 */`), undefined);
  assert.equal(find('/* of tcp */ struct sock *sk;'), undefined);
  assert.equal(find('f("/*"); migrate(); f("*/");'), 'written');
  assert.equal(find("/* don't */ migrate(); /* isn't */"), 'written');
  assert.equal(find('/* migrate */ CAST(tcp, sk);'), 'pasted');
});

test('a string that says what another name stands for is read, and so is assembly as it is', () => {
  assert.equal(find('int b(void) __attribute__((alias("migrate")));'), 'written');
  assert.equal(find('/* migrate', 'a.S'), 'written');
});

test('the words of a name make one only in what a macro is given', () => {
  assert.equal(find('int f(int tcp, struct sock *sk) { return sk->tcp; }'), undefined);
  assert.equal(find('int f(void) { return g(tcp, sk) + CAST(udp, sk); }'), undefined);
  assert.equal(find('#define OWN(a) CAST(a, udp)\nint x = OWN(tcp), sk;'), undefined);
  assert.equal(find('#define OWN(a) CAST(a, sk)\nint x = OWN(tcp);'), 'pasted');
  assert.equal(find('#define OWN tcp\nint x = CAST(OWN, sk);'), 'pasted');
  assert.equal(find('#define OWN(a, b) a##_##b\nint x = OWN(tcp, sk);'), 'pasted');
  assert.equal(find('#define BOTH tcp, sk\nint x = CAST(BOTH);'), 'pasted');
  assert.equal(find('#define EACH(m) m(tcp, sk)\nint x = EACH(CAST);'), 'pasted');
  assert.equal(find('int x = EACH(CAST, tcp, sk);'), 'pasted');
  assert.equal(find('int x = g(CAST, tcp, sk);'), undefined);
});

test('a member is what is accessed as one', () => {
  assert.equal(find('int f(int id) { int x = id; g(id); return id == x ? a.b : A(id); }'), undefined);
  assert.equal(find('struct other { int id; };'), undefined);
  assert.equal(find('int f(void) { return s->id + t->x; }'), 'written');
  assert.equal(find('int f(void) { return (*s).\n\tid; }'), 'written');
  assert.equal(find('struct s s = { .id = 1 };'), 'written');
  assert.equal(find('struct s s = { id: 1 };'), 'written');
  assert.equal(find('int x = offsetof(struct s, id);'), 'written');
  assert.equal(find('int x = offsetof(struct s, y) + id;'), undefined);
  assert.equal(find('int f(void) { each_entry(a, &head, id) g(a); }'), 'written');
  assert.equal(find('#define OWN(p, m) offsetof(p, m)\nint x = OWN(struct s, id);'), 'written');
  assert.equal(find('/* s->id */ int id; const char *a = "s->id";'), undefined);
  assert.equal(find('#define ID(s) ((s)->id)'), 'written');
  assert.equal(find('struct t { bool (*set)(struct s *s, int id); };'), undefined);
  assert.equal(find('int x = CHOOSE(a)(struct s, id);'), 'written');
  assert.equal(find('/* id */', 'a.S'), 'written');
});
