import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '@resplice/report';
import { parseShellStatement } from '../../src/tree/shell-words.js';

test('splits words as the shell does', () => {
  const text = `gcc -DA='"x y"' -D'pr_fmt(fmt)=N ": " fmt' -D\\"q\\" "a\\"b" ''  last ; rest`;
  const { words, operator, end } = parseShellStatement(text, 0);
  assert.deepEqual(words, ['gcc', '-DA="x y"', '-Dpr_fmt(fmt)=N ": " fmt', '-D"q"', 'a"b', '', 'last']);
  assert.equal(operator, ';');
  assert.equal(text.slice(end), ' rest');
});

test('a statement ends at an operator or at the end of the text', () => {
  assert.deepEqual(parseShellStatement('a b|c', 0), { words: ['a', 'b'], end: 4, operator: '|' });
  assert.deepEqual(parseShellStatement('x; a && b', 2), { words: ['a'], end: 7, operator: '&&' });
  assert.deepEqual(parseShellStatement('', 0), { words: [], end: 0, operator: '' });
});

test('refuses what only a shell could read', () => {
  for (const text of ['a $(b)', 'a `b`', "a 'open", 'a "open', 'a "$x"', 'a \\']) {
    assert.throws(() => parseShellStatement(text, 0), InputError, text);
  }
});
