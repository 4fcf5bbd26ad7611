import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MentionSearch } from '../../src/header/mention-search.js';
import { ANY_WORD, PastedNames, type Pastes } from '../../src/header/pasted-names.js';

const PASTES: Pastes = { patterns: [[null, '_', null]], handed: [] };
const SEARCH = new MentionSearch(
  new Set(['migrate', 'tcp_sk']),
  new PastedNames(['tcp_sk'], PASTES, ANY_WORD),
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
