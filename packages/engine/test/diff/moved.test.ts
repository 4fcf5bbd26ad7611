// Definitions that move from one object to another.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findMoved, listMigrants } from '../../src/diff/moved.js';
import { diffObjects } from '../../src/diff/object-diff.js';
import { compileObject } from '../elf/compiler.js';
import { LAYOUTS } from './layouts.js';

async function migrate(before: readonly [string, string], after: readonly [string, string]) {
  const migrations = [0, 1].map(async (index) => {
    const [pre, post] = await Promise.all(
      [before[index], after[index]].map((text = '') => compileObject(`#include "kernel.h"\n${text}`)),
    );
    assert.ok(pre && post);
    return listMigrants(diffObjects(`${'ab'[index]}.o`, pre, post, LAYOUTS));
  });
  return findMoved(await Promise.all(migrations)).map(({ code, subject, found }) => [
    code,
    subject.object,
    subject.symbol,
    found.split(', and')[0],
  ]);
}

describe('a definition that leaves one object for another', () => {
  it('is refused when it is a global function or variable', async () => {
    const gone = 'the running kernel has it as part of a.o';
    assert.deepEqual(
      await migrate(
        ['int limit = 3; int moved(int n) { return think(n); }', 'int use(int n) { return think(n); }'],
        [
          '',
          'int limit = 3; int moved(int n) { return think(n + 1); } int use(int n) { return moved(n) + limit; }',
        ],
      ),
      [
        ['moved-definition', 'b.o', 'moved', gone],
        ['moved-definition', 'b.o', 'limit', gone],
      ],
    );
  });

  it('is refused when it is a static variable, whose state would be lost', async () => {
    const user = (n: number) => `static int count; int use${n}(int n) { count += n; return think(count); }`;
    assert.deepEqual(
      (await migrate([user(1), ''], ['int use1(int n) { return think(n); }', user(2)])).map(
        ([code, , symbol]) => [code, symbol],
      ),
      [['moved-definition', 'count']],
    );
  });

  it('may be a function that moves as it is', async () => {
    const text = 'int moved(int n) { return think(n); }';
    assert.deepEqual(await migrate([text, ''], ['', text]), []);
  });

  it('may be a static function or a constant, which its users have taken along', async () => {
    const text = (n: number) =>
      `static const int list[] = {1, 2, 3}; static noinline int pick(int n) { return list[n & 1] + think(n); } int use${n}(int n) { return pick(n) + 1; }`;
    assert.deepEqual(await migrate([text(1), ''], ['int use1(int n) { return n; }', text(2)]), []);
  });
});
