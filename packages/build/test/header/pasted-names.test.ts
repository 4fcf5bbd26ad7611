import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pastes } from '../../src/header/macro-pastes.js';
import { ANY_WORD, findPastedNames, PastedNames } from '../../src/header/pasted-names.js';
import { Vocabulary, WordSearch } from '../../src/header/word-search.js';

const PASTES: Pastes = {
  pastes: [
    { pattern: [null, null], macros: ['JOIN'] },
    { pattern: [null, null, null], macros: ['JOIN3'] },
    { pattern: ['Page', null], macros: ['FLAG'] },
    { pattern: [null, '_', null], macros: ['UNDER'] },
    { pattern: ['Set', 'Page', null], macros: ['FLAG'] },
    { pattern: ['trace_', null], macros: ['TRACE'] },
    { pattern: [null, '_', null, '_', null], macros: ['UNDER3'] },
  ],
  users: [
    ['FLAG', 'FLAGS'],
    ['FLAGS', 'ALL', 'STEP_2'],
  ],
  unknown: ['ANY'],
  appliers: ['EACH'],
  accessors: [],
  taggers: [],
  called: [{ pattern: ['STEP_', null], macros: ['STEP'] }],
  handed: [
    ['read', 'READ', 'FETCH'],
    ['msr', 'MSR'],
  ],
};

test('one part of a name may be handed by a macro or made from parts itself', () => {
  const names = new PastedNames(['read_msr_safe'], PASTES, ANY_WORD);
  assert.equal(names.canMake(new Set(['read', 'msr', 'safe'])), true);
  assert.equal(names.canMake(new Set(['FETCH', 'msr', 'safe'])), true);
  assert.equal(names.canMake(new Set(['read_msr_', 'sa', 'fe'])), true);
  assert.equal(names.canMake(new Set(['FETCH', 'MSR', 'safe'])), false, 'two are handed');
  assert.equal(names.canMake(new Set(['read_msr_safe'])), false, 'the whole name is no part of it');
});

test('the words of a name count where a macro takes part that pastes so', () => {
  const names = new PastedNames(['PageLocked'], PASTES, ANY_WORD);
  const at = (macro: string | undefined, ...words: readonly string[]) =>
    names.canMakeAt([{ macro, words: new Set(words), handed: new Set(words) }]);
  for (const macro of ['FLAG', 'FLAGS', 'ALL', 'STEP', 'ANY']) assert.equal(at(macro, 'Locked'), true, macro);
  for (const macro of ['JOIN', 'TRACE', 'f']) assert.equal(at(macro, 'Locked'), false, macro);
  assert.equal(at('EACH', 'ALL', 'Locked'), true, 'handed over by its name');
  assert.equal(at('f', 'ALL', 'Locked'), false);
  assert.equal(at(undefined, 'Locked'), true);
  assert.equal(at('JOIN', 'PageLo', 'cked'), true);
  assert.equal(at('FLAG', 'PageLo', 'cked'), false);
  const given = (words: readonly string[], last: readonly string[]) =>
    names.canMakeAt([{ macro: undefined, words: new Set(words), handed: new Set(), last: new Set(last) }]);
  assert.equal(given(['PageLo'], ['cked']), true);
  assert.equal(given([], ['Locked']), true);
  assert.equal(given(['cked'], ['PageLo']), false);
  const suffixed = new PastedNames(
    ['sock_safe'],
    { ...PASTES, pastes: [{ pattern: [null, '_safe'], macros: [] }] },
    ANY_WORD,
  );
  const site = (words: readonly string[], last: readonly string[]) => [
    { macro: undefined, words: new Set(words), handed: new Set<string>(), last: new Set(last) },
  ];
  assert.equal(suffixed.canMakeAt(site(['sock'], [])), true);
  assert.equal(suffixed.canMakeAt(site([], ['sock'])), false, 'the name goes on');
});

test('what no text has is searched for by nobody', () => {
  const known = new Set(['Locked', 'PageLo', 'Lo', 'FETCH', 'msr']);
  const names = new PastedNames(['PageLocked', 'read_msr'], PASTES, known);
  assert.deepEqual([...new Set(names.pieces())].sort(), ['FETCH', 'Locked', 'msr']);
  assert.equal(names.canMake(new Set(['Locked'])), true);
});

test('knowing the words of all texts changes no answer', () => {
  const names = ['PageLocked', 'SetPageDirty', 'read_msr', 'trace_timer_start'];
  const anyText = new PastedNames(names, PASTES, ANY_WORD);
  const pieces = [...new Set(anyText.pieces())];
  const random = seeded(5);
  const answers = { true: 0, false: 0 };
  for (let round = 0; round < 40; round += 1) {
    const known = new Set(pieces.filter(() => random() < 0.15));
    const fresh = new PastedNames(names, PASTES, known);
    for (let text = 0; text < 10; text += 1) {
      const own = new Set([...known].filter(() => random() < 0.15));
      const answer = anyText.canMake(own);
      assert.equal(fresh.canMake(own), answer, [...own].join());
      answers[`${answer}`] += 1;
    }
  }
  assert.ok(answers.true > 20 && answers.false > 20, JSON.stringify(answers));
});

test('the texts are read for many names only', async () => {
  let read = 0;
  const words = async () => {
    read += 1;
    return new Set(['Locked']);
  };
  const few = await findPastedNames(['PageLocked'], PASTES, words);
  assert.deepEqual([few.canMake(new Set(['Locked'])), read], [true, 0]);
  const many = await findPastedNames(['PageLocked', 'b1', 'c1', 'd1', 'e1', 'f1'], PASTES, words);
  assert.deepEqual([many.canMake(new Set(['Locked'])), read], [true, 1]);
});

test('a vocabulary has every word of its texts', () => {
  const vocabulary = new Vocabulary();
  vocabulary.addText(Buffer.from('int skb2 = x->sk_buff; /* $odd */'));
  vocabulary.addText(Buffer.from('sock'));
  for (const word of ['int', 'skb2', 'x', 'sk_buff', '$odd', 'sock']) assert.ok(vocabulary.has(word), word);
  for (const word of ['skb', 'sk_buf', 'odd', '']) assert.ok(!vocabulary.has(word), word);
});

test('words of one hash are told apart', () => {
  // Both are 0x5e4daa9d in FNV-1a.
  const text = Buffer.from('costarring costarring');
  assert.deepEqual([...new WordSearch(['liquid']).find(text)], []);
  assert.deepEqual([...new WordSearch(['liquid', 'costarring']).find(text)], ['costarring']);
  assert.deepEqual(
    [...new WordSearch(['costarring']).find(Buffer.from('liquid costarring'))],
    ['costarring'],
  );
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
