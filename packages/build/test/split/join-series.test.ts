import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePatch } from '../../src/patch/diff-parser.js';
import { joinSeries } from '../../src/split/join-series.js';

const LINES = Array.from({ length: 40 }, (_, at) => `int line${at};`);
const TREE = new Map([
  ['a.c', LINES],
  ['b.c', LINES],
  ['include/a.h', LINES],
]);
const source = async (path: string) => {
  const lines = TREE.get(path);
  return lines === undefined ? undefined : Buffer.from(`${lines.join('\n')}\n`);
};

/** Puts `now` in the place of `was` at this line of the file. */
function patch(name: string, path: string, at: number, was: string, now: string) {
  const around = (offset: number) => ` ${LINES[at + offset]}`;
  const body = [around(-1), `-${was}`, `+${now}`, around(1)].join('\n');
  const text = `--- a/${path}\n+++ b/${path}\n@@ -${at},3 +${at},3 @@\n${body}\n`;
  return parsePatch(Buffer.from(text), name);
}

const first = patch('first', 'a.c', 10, 'int line10;', 'int first;');
const apart = patch('apart', 'a.c', 30, 'int line30;', 'int apart;');
const second = patch('second', 'a.c', 10, 'int first;', 'int second;');
const third = patch('third', 'a.c', 10, 'int second;', 'int third;');
const header = patch('header', 'include/a.h', 5, 'int line5;', 'int helper(void);');
const caller = patch('caller', 'b.c', 5, 'int line5;', 'int v = helper();');

const stuck = [{ code: 'patch-does-not-apply', subject: '', found: 'a.c: hunk 1 of 1 does not fit' }];
const missing = (name: string) => [
  {
    code: 'does-not-compile',
    subject: '',
    found: `b.c:6:9: error: implicit declaration of function '${name}' [-Werror]\n    6 | int v = ${name}();`,
  },
];

test('a patch that does not apply is joined with the earlier ones that it stands on, and with no others', async () => {
  const series = [first, header, apart, second];
  assert.deepEqual(await joinSeries(series, [{ parts: [3], reasons: stuck }], source), [[0, 3]]);
});

test('patches that stand on each other become one unit', async () => {
  const series = [first, apart, second, third];
  const incomplete = [
    { parts: [2], reasons: stuck },
    { parts: [3], reasons: stuck },
  ];
  assert.deepEqual(await joinSeries(series, incomplete, source), [[0, 2, 3]]);
});

test('a patch that does not compile is joined with the one that writes the name, earlier or later', async () => {
  const reasons = missing('helper');
  assert.deepEqual(await joinSeries([first, header, caller], [{ parts: [2], reasons }], source), [[1, 2]]);
  assert.deepEqual(await joinSeries([caller, first, header], [{ parts: [0], reasons }], source), [[0, 2]]);
});

test('what is joined is joined again when it still lacks something', async () => {
  const user = patch('user', 'include/a.h', 5, 'int helper(void);', 'int helper(void); int other(void);');
  const series = [first, header, user, caller];
  const once = await joinSeries(series, [{ parts: [3], reasons: missing('other') }], source);
  assert.deepEqual(once, [[1, 2, 3]]);
  const again = await joinSeries(series, [{ parts: [1, 2, 3], reasons: missing('first') }], source);
  assert.deepEqual(again, [[0, 1, 2, 3]]);
});

test('who needs a part of what is one already gets all of it', async () => {
  const other = patch('other', 'b.c', 20, 'int line20;', 'int other;');
  const series = [first, other, second];
  const incomplete = [{ parts: [2], reasons: stuck }];
  assert.deepEqual(await joinSeries(series, incomplete, source, [[0, 1]]), [[0, 1, 2]]);
  assert.deepEqual(await joinSeries(series, [], source, [[0, 1]]), []);
});

test('what nothing in the series helps is joined with nothing', async () => {
  const alien = patch('alien', 'b.c', 5, 'int elsewhere;', 'int x;');
  assert.deepEqual(await joinSeries([first, alien], [{ parts: [1], reasons: stuck }], source), []);
  const reasons = missing('nowhere');
  assert.deepEqual(await joinSeries([first, caller], [{ parts: [1], reasons }], source), []);
  const refused = [{ code: 'data-changed', subject: 'a.o: x', found: 'live data' }];
  assert.deepEqual(await joinSeries([first, second], [{ parts: [0], reasons: refused }], source), []);
});
