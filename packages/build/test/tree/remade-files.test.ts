import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectMakers } from '../../src/tree/remade-files.js';

const FLAGS = { targets: ['flags.c'], command: 'sh ./make-flags.sh flags.c a/../include/features.h FORCE' };

test('a command that an interpreter runs over the file makes its product again', () => {
  assert.deepEqual(selectMakers([FLAGS], 'include/features.h', ['flags.c']), [FLAGS]);
});

test('nothing is made again by a tool that is made itself, from several files, or by several commands', () => {
  const tool = { targets: ['flags.c'], command: './tool flags.c include/features.h' };
  assert.equal(selectMakers([tool], 'include/features.h', ['flags.c']), undefined);
  const other = { targets: ['flags.c'], command: 'sh ./make-flags.sh flags.c between.txt' };
  assert.equal(selectMakers([other], 'include/features.h', ['flags.c']), undefined);
  assert.equal(selectMakers([FLAGS, FLAGS], 'include/features.h', ['flags.c']), undefined);
});
