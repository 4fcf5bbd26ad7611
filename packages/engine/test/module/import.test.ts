// What an assembled update leaves for the kernel to resolve.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diffObjects } from '../../src/diff/object-diff.js';
import { diffFixture } from '../diff/fixture.js';
import { LAYOUTS } from '../diff/layouts.js';
import { compileObject } from '../elf/compiler.js';
import { readSymbols } from '../elf/readelf.js';
import { relocationsOf } from './listing.js';
import { assembleChanges, compileOwnCode } from './update.js';

describe('imports of an update', () => {
  it('share an exported symbol, and keep apart what only shares its name', async () => {
    const own = await compileOwnCode();
    const [first, second] = await Promise.all([
      diffFixture('changed-inline.ok'),
      diffFixture('string-new.ok'),
    ]);
    const third = await diffFixture('data-new.ok');
    const changes = [
      { owner: 'vmlinux', diff: first },
      { owner: 'mod', diff: second },
      { owner: 'mod', diff: third },
    ];
    const describeImports = (exported: readonly string[]) =>
      [...assembleChanges(own, changes, exported).imports]
        .map(([name, { symbol, owner }]) => `${name} = ${symbol} of ${owner}`)
        .filter((line) => /think|printk|work/.test(line))
        .sort();
    assert.deepEqual(describeImports([]), [
      'printk = printk of mod',
      'think = think of vmlinux',
      'think.resplice.1 = think of mod',
      'work = work of vmlinux',
    ]);
    const shared = describeImports(['think', 'printk', 'work']).map((line) => line.split(' ')[0]);
    assert.deepEqual(shared, ['printk', 'think', 'work']);
  });

  it('share a global symbol of an object that defines it with those that only use it', async () => {
    const own = await compileOwnCode();
    const definer = (n: number) =>
      `int think(int); int __attribute__((noinline)) helper(int n) { return think(n); } int first(int n) { return helper(n) + ${n}; }`;
    const user = (n: number) => `int helper(int); int second(int n) { return helper(n) * ${n}; }`;
    const diffs = await Promise.all(
      [user, definer].map(async (source) => {
        const [pre, post] = await Promise.all([compileObject(source(3)), compileObject(source(5))]);
        return diffObjects('x.o', pre, post, LAYOUTS);
      }),
    );
    for (const order of [diffs, diffs.toReversed()]) {
      const changes = order.map((diff) => ({ owner: 'vmlinux', diff }));
      for (const exported of [[], ['helper']]) {
        const names = [...assembleChanges(own, changes, exported).imports.keys()];
        assert.deepEqual(
          names.filter((name) => name.startsWith('helper')),
          ['helper'],
        );
      }
    }
  });

  it('are weak only when every reference is', async () => {
    const own = await compileOwnCode();
    const source = (attribute: string) => (n: number) =>
      `int helper(int) ${attribute}; int user(int n) { return helper(n) * ${n}; }`;
    const diffs = await Promise.all(
      [source(''), source('__attribute__((weak))')].map(async (text) => {
        const [pre, post] = await Promise.all([compileObject(text(3)), compileObject(text(5))]);
        return diffObjects('x.o', pre, post, LAYOUTS);
      }),
    );
    for (const order of [diffs, diffs.toReversed()]) {
      const { bytes, imports } = assembleChanges(
        own,
        order.map((diff) => ({ owner: 'vmlinux', diff })),
      );
      assert.equal(imports.get('helper')?.weak, false);
      const symbol = (await readSymbols(bytes)).find(({ name }) => name === 'helper');
      assert.equal(symbol?.binding, 'GLOBAL');
    }
    const [, weak] = diffs;
    assert.ok(weak);
    assert.equal(assembleChanges(own, [{ owner: 'vmlinux', diff: weak }]).imports.get('helper')?.weak, true);
  });

  it('say which definition of the old code is meant', async () => {
    const own = await compileOwnCode();
    const diff = await diffFixture('static-local-renumbered.ok');
    const { imports } = assembleChanges(own, [{ owner: 'vmlinux', diff }]);
    const [found, ...others] = [...imports.values()].filter(({ definition }) => definition !== undefined);
    assert.deepEqual(others, []);
    assert.ok(found?.definition);
    assert.equal(diff.pre.object.bytesOf(found.definition)[0], 7);
    assert.equal(found.symbol, found.definition.name);
  });

  it('become definitions when another object of the same kernel object brings them', async () => {
    const own = await compileOwnCode();
    const compile = async (n: number) =>
      Promise.all(
        [
          `int think(int); int helper(int n) { return think(n) + ${n}; }`,
          `int helper(int); int user(int n) { return helper(n) * ${n}; }`,
        ].map((text) => compileObject(text)),
      );
    const [pre, post] = await Promise.all([compile(3), compile(5)]);
    const changes = pre.map((file, index) => {
      const after = post[index];
      assert.ok(after);
      return { owner: 'vmlinux', diff: diffObjects(`${index}.o`, file, after, LAYOUTS) };
    });
    const { bytes, imports } = assembleChanges(own, changes);
    assert.ok(!imports.has('helper'));
    const helper = (await readSymbols(bytes)).find(({ name }) => name === 'helper');
    assert.ok(helper);
    const calls = (await relocationsOf(bytes, 'user')).filter(({ symbol }) => symbol === '.text');
    assert.deepEqual(
      calls.map(({ addend }) => addend),
      [helper.value - 4],
    );
    const apart = assembleChanges(own, [
      ...changes.slice(0, 1),
      ...changes.slice(1).map(({ diff }) => ({ owner: 'mod', diff })),
    ]);
    assert.equal(apart.imports.get('helper')?.owner, 'mod');
  });

  it('become data that another object brings, but not what the running kernel has already', async () => {
    const own = await compileOwnCode();
    const compile = (table: string, row: string) =>
      Promise.all([
        compileObject(`struct row { int n; }; ${table} int keep(int n) { return n; }`),
        compileObject(`struct row { int n; }; extern const struct row first, second; int other(void);
          int user(void) { return ${row} + other(); }`),
      ]);
    const [pre, post] = await Promise.all([
      compile('', '1'),
      compile('const struct row second = {7};', 'second.n'),
    ]);
    const assemble = (isRunning: (symbol: string) => boolean) =>
      assembleChanges(
        own,
        pre.map((file, index) => {
          const after = post[index];
          assert.ok(after);
          return {
            owner: 'mod',
            diff: diffObjects(`${index}.o`, file, after, LAYOUTS, { isModule: true, isRunning }),
          };
        }),
      );
    const brought = assemble(() => false);
    assert.ok(!brought.imports.has('second'));
    assert.ok((await readSymbols(brought.bytes)).some(({ name }) => name === 'second'));
    assert.equal(assemble((symbol) => symbol === 'second').imports.get('second')?.owner, 'mod');
  });
});
