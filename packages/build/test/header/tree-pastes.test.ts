import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FileTexts } from '../../src/header/file-texts.js';
import { collectPastes, readTreePastes } from '../../src/header/tree-pastes.js';
import { fakeTree } from '../tree/fixture.js';

const home = await mkdtemp(join(tmpdir(), 'resplice-pastes-'));
after(() => rm(home, { recursive: true }));
await mkdir(join(home, 'linux/include'), { recursive: true });
await writeFile(join(home, 'linux/include/a.h'), '#define GET(n) get_##n()\n');

test('those who ask for the pastes of a tree at the same time wait for one reading', async () => {
  const tree = fakeTree(home, 'cc', [], []);
  let readings = 0;
  const headers = () => {
    readings += 1;
    return ['include/a.h'];
  };
  const ask = () => readTreePastes(tree, headers, new FileTexts(tree.directory));
  const [one, two] = await Promise.all([ask(), ask()]);
  assert.equal(readings, 1);
  assert.deepEqual(one, two);
  assert.equal(one.pastes.length, 1);
});

test('macros are followed to those in whose text they stand, also when their name is pasted itself', async () => {
  const directory = join(home, 'users');
  await mkdir(directory);
  await writeFile(
    join(directory, 'a.h'),
    [
      '#define JOIN(a, b) a##b',
      '#define OUTER(a, b) JOIN(a, b)',
      '#define ALIAS OUTER',
      '#define MAP1(m, a) m(a)',
      '#define STEP_2(a) JOIN(a, 2)',
      '#define STEP(n, a) STEP_##n(a)',
      '#define ANY(m, a) m##a(1)',
      '#define CHAIN(a) OUTER(MAP, a)(2)',
      '#define TYPED(name) int name##_get(int a)',
      '#define PLAIN(JOIN) JOIN(1)',
      '#define GET(s, m) ((s)->m)',
      '#define OFFSET(t, m) __builtin_offsetof(t, m)',
      '#define LOCAL(t, s) OFFSET(t, m) + GET(s, x)',
      '#define FIRST(s) ((s)->first)',
      '#define SIZE(t) sizeof(struct t)',
      '#define SIZES(t) SIZE(t) + sizeof(struct size)',
      '#define EVENT(t) struct event_##t *',
      '#define WORD struct',
    ].join('\n'),
  );
  await writeFile(
    join(directory, 'a.c'),
    '#define ENTRY(a) OUTER(a, _id)\n#include "entries.h"\n#define LATE(a) OUTER(a, 1)\n',
  );
  const { pastes, users, called, unknown, appliers, accessors, taggers } = await collectPastes(
    { headers: ['a.h'], sources: ['a.c'] },
    new FileTexts(directory),
  );
  assert.deepEqual(Object.fromEntries(users.map(([macro, ...others]) => [macro, [...others].sort()])), {
    JOIN: ['OUTER', 'STEP_2'],
    OUTER: ['ALIAS', 'CHAIN', 'ENTRY'],
  });
  assert.deepEqual([...appliers].sort(), ['ANY', 'MAP1', 'PLAIN', 'STEP']);
  assert.deepEqual([...accessors].sort(), ['ANY', 'GET', 'LOCAL', 'OFFSET', '__builtin_offsetof']);
  assert.deepEqual([...taggers].sort(), ['ANY', 'SIZE', 'SIZES', 'WORD']);
  assert.deepEqual(unknown, ['CHAIN', 'ANY']);
  assert.deepEqual(called, [
    { pattern: ['STEP_', null], macros: ['STEP'] },
    { pattern: [null, null], macros: ['ANY'] },
  ]);
  assert.deepEqual(
    pastes.map(({ pattern, macros }) => [pattern, macros]),
    [
      [
        [null, null],
        ['JOIN', 'ANY'],
      ],
      [['STEP_', null], ['STEP']],
      [[null, '_get'], ['TYPED']],
      [['event_', null], ['EVENT']],
    ],
  );
});
