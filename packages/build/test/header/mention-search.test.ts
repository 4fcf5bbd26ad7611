import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GiverSearch, GiverSet } from '../../src/header/giver.js';
import type { Pastes } from '../../src/header/macro-pastes.js';
import { MacroSet } from '../../src/header/macro-set.js';
import { type Mention, MentionSearch } from '../../src/header/mention-search.js';
import { ANY_WORD, PastedNames } from '../../src/header/pasted-names.js';

const PASTES: Pastes = {
  pastes: [{ pattern: [null, '_', null], macros: ['CAST'] }],
  users: [],
  called: [],
  unknown: [],
  appliers: ['EACH'],
  accessors: [],
  taggers: [],
  handed: [],
};
const OPEN = Object.assign(new GiverSet(), { isOpen: true });
const MACROS = {
  accessors: new MacroSet(new Set(['offsetof', 'each_entry']), new Set(['EACH'])),
  taggers: new MacroSet(new Set(['OF', 'S']), new Set(['EACH'])),
};
const NAMES = {
  words: new Set(['migrate', 'tcp_sk']),
  members: new Set(['id', 'member_id']),
  accesses: new Set(['ID_OF']),
  tags: new Set(['port']),
};

function makeFind(givers: GiverSet): (text: string, path?: string) => Mention | undefined {
  const search = new MentionSearch(
    NAMES,
    new GiverSearch(givers, new PastedNames([...givers.tags, ...givers.words], PASTES, ANY_WORD), MACROS),
    {
      names: new PastedNames(['tcp_sk'], PASTES, ANY_WORD),
      members: new PastedNames(['member_id'], PASTES, ANY_WORD),
    },
    MACROS,
  );
  return (text, path = 'a.c') => search.find(path, Buffer.from(text, 'latin1'));
}

const find = makeFind(OPEN);

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

test('a tag is a structure only behind its keyword, wherever that comes from', () => {
  assert.equal(find('int f(struct other *port) { g(port); return port->x + sizeof(port); }'), undefined);
  assert.equal(find('struct port; struct a { int port; };'), 'written');
  assert.equal(find('int x = sizeof(struct\n\tport);'), 'written');
  assert.equal(find('struct __packed port a;'), 'written');
  assert.equal(find('int x = OF(port, id);'), 'written');
  assert.equal(find('int x = g(port, y);'), undefined);
  assert.equal(find('int x = EACH(OF, port);'), 'written');
  assert.equal(find('S port;'), 'written');
  assert.equal(find('BTF_ID(struct, port)'), 'written');
  assert.equal(find('struct NAME(port) a;'), 'written');
  assert.equal(find('struct a { int b; } __aligned(8); int port;'), undefined);
  assert.equal(find('#define current_port port\nstruct current_port a;'), 'written');
  assert.equal(find('#define PORT(a) ((a)->port)\nint x = PORT(y);'), undefined);
  assert.equal(find('#define OWN(t) sizeof(struct t)\nint x = OWN(port);'), 'written');
  assert.equal(find('#define OWN(t) OF(t, y)\nint x = OWN(port);'), 'written');
  assert.equal(find('#define OWN(t) g(t)\nint f(int port) { return OWN(port); }'), undefined);
  assert.equal(find('/* struct port */ int port;'), undefined);
});

test('a member counts only where something gives a structure that has it', () => {
  const givers = new GiverSet();
  givers.tags.add('link').add('links');
  givers.words.add('first_link').add('udp_link');
  const findGiven = makeFind(givers);
  assert.equal(findGiven('int f(struct other *s) { return s->id; }'), undefined);
  assert.equal(findGiven('int f(struct other *s) { return ID_OF(s); }'), undefined);
  assert.equal(findGiven('int f(struct link *s) { return s->id; }'), 'written');
  assert.equal(findGiven('int f(struct link *s) { return ID_OF(s); }'), 'written');
  assert.equal(findGiven('int f(struct link *s) { return 0; }'), undefined);
  assert.equal(findGiven('int f(void) { return first_link()->id; }'), 'written');
  assert.equal(findGiven('int f(struct links *s) { return s->end->id; }'), 'written');
  assert.equal(findGiven('int f(int link, struct other *s) { return s->id; }'), undefined);
  assert.equal(findGiven('int f(void) { return CAST(udp, link)->id; }'), 'written');
  assert.equal(findGiven('int f(struct link *s) { return s->CAST(member, id); }'), 'pasted');
  assert.equal(findGiven('int f(struct other *s) { return s->CAST(member, id); }'), undefined);
  assert.equal(findGiven('/* struct link */ int f(struct other *s) { return s->id; }'), undefined);
  assert.equal(findGiven('#define TYPE struct link\n#include "of-type.h"\nint f(int id);'), 'written');
  assert.equal(findGiven('static struct link all;\n#include "of-all.h"\n'), 'written');
  assert.equal(findGiven('struct other;\n#include "of-all.h"\nstatic struct link all;\n'), undefined);
  assert.equal(findGiven('#include "a.h"\n#define TYPE struct link\nint f(int id);'), undefined);
  assert.equal(findGiven('id', 'a.S'), undefined);
  assert.equal(findGiven('id link', 'a.S'), 'written');
});
