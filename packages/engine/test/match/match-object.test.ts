// Rebuilt objects against a tiny shipped kernel: the same code matches, and nothing else does.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Side } from '../../src/diff/compare.js';
import type { Definition } from '../../src/diff/definition.js';
import { openSide } from '../../src/diff/object-diff.js';
import { R_X86_64 } from '../../src/elf/elf.layout.js';
import { matchFunction } from '../../src/match/match-function.js';
import { matchObject, type ObjectMatch } from '../../src/match/match-object.js';
import { LAYOUTS } from '../diff/layouts.js';
import { compileObject } from '../elf/compiler.js';
import { BASE, runShipped, shipSources } from './shipped.js';

const SOURCE = `#include "kernel.h"
struct static_key feature;
static int state = 5, other = 6;
static const int table[] = {1, 2, 3, 4};
static noinline int helper(int n) { work(n); return think(n) + state; }
int tail(int n) { other++; return helper(n + 2); }
int first(int n) { printk("first"); state += n; return helper(n) + table[n]; }
int second(int n) { if (n > 3) work(n); state = think(n); return state + 1; }
int label(int n) { if (static_branch(&feature)) work(n); return think(n); }
int loop(int n) { int sum = 0; while (n--) { if (think(n) > 3) sum += n; else work(sum); } return sum; }
`;

async function rebuild(source = SOURCE): Promise<Side> {
  return openSide(await compileObject(source), LAYOUTS);
}

async function matchWith(
  shipped: readonly string[],
  source = SOURCE,
  hidden: readonly string[] = [],
): Promise<{
  readonly match: ObjectMatch;
  readonly symbols: ReadonlyMap<string, readonly bigint[]>;
  readonly side: Side;
}> {
  const [side, image] = await Promise.all([rebuild(source), shipSources(shipped)]);
  return { match: matchObject(side, runShipped(image, hidden)), symbols: image.symbols, side };
}

const named = (definitions: Iterable<Definition>) => [...definitions].map(({ name }) => name).sort();
const FUNCTIONS = ['first', 'helper', 'label', 'loop', 'second', 'tail'];

describe('matching an object', () => {
  it('finds the same code, and with it the addresses of all it refers to', async () => {
    const { match, symbols, side } = await matchWith([SOURCE]);
    assert.deepEqual(named(match.functions.keys()), FUNCTIONS);
    assert.deepEqual([match.mismatches.size, match.ambiguous.size, match.missing.length], [0, 0, 0]);
    for (const [definition, address] of match.addresses)
      if (definition.symbols.length > 0)
        assert.deepEqual(symbols.get(definition.name), [address], definition.name);
    for (const name of ['state', 'other', 'table', 'helper'])
      assert.ok(named(match.addresses.keys()).includes(name), name);
    for (const [symbol, address] of match.externals) assert.deepEqual(symbols.get(symbol), [address], symbol);
    assert.deepEqual([...match.externals.keys()].sort(), [
      '__fentry__',
      '__x86_return_thunk',
      'printk',
      'think',
      'work',
    ]);
    // The tail call is near and relocated in the rebuilt object, and short in the shipped one.
    const tail = [...match.functions].find(([{ name }]) => name === 'tail');
    assert.ok(tail);
    assert.ok(tail[1].size < tail[0].size);
    assert.equal(side.object.definitions.filter(({ kind }) => kind === 'function').length, FUNCTIONS.length);
  });

  it('finds code whose jump labels objtool has turned into no-ops', async () => {
    const [side, image] = await Promise.all([rebuild(), shipSources([SOURCE])]);
    const label = image.symbols.get('label')?.[0] ?? BASE;
    const start = Number(label - BASE);
    const jump = image.bytes.indexOf(0xeb, start);
    assert.ok(jump > start && jump < start + 16);
    image.bytes.set([0x66, 0x90], jump);
    assert.deepEqual(named(matchObject(side, runShipped(image)).functions.keys()), FUNCTIONS);
    // Only there may a jump be a no-op.
    const loop = Number((image.symbols.get('loop')?.[0] ?? BASE) - BASE);
    const other = image.bytes.findIndex((byte, at) => at > loop && byte === 0xeb);
    if (other > 0 && other < loop + 100) image.bytes.set([0x66, 0x90], other);
    image.bytes.set([0x31, 0xc0], jump);
    assert.deepEqual(named(matchObject(side, runShipped(image)).mismatches.keys()).includes('label'), true);
  });

  const changes: readonly (readonly [
    what: string,
    from: string,
    to: string,
    where: string,
    found: RegExp,
  ])[] = [
    ['an instruction', 'return state + 1', 'return state - n', 'second', /instructions differ/],
    ['an immediate', 'n > 3) work', 'n > 4) work', 'second', /instructions differ/],
    ['a condition', 'n > 3) work', 'n < 4) work', 'second', /instructions differ/],
    [
      'the function called',
      'if (n > 3) work(n)',
      'if (n > 3) think(n)',
      'second',
      /work is (?:not there|at)/,
    ],
    ['a string', 'printk("first")', 'printk("fjrst")', 'first', /string at 0x\w+ differs/],
    ['a longer string', 'printk("first")', 'printk("first.")', 'first', /string at 0x\w+ differs/],
    ['a table of constants', '{1, 2, 3, 4}', '{1, 2, 3, 5}', 'first', /table at 0x\w+ differs/],
    [
      'the variable used',
      'state = think(n); return state',
      'other = think(n); return other',
      'second',
      /and (?:no state is there|state is at)/,
    ],
    [
      'where a branch leads',
      'sum += n; else work(sum)',
      'work(sum); else sum += n',
      'loop',
      /differ|elsewhere/,
    ],
    [
      'the order of statements',
      'work(n); return think(n) + state',
      'think(n); work(n); return n + state',
      'helper',
      /./,
    ],
  ];
  for (const [what, from, to, where, found] of changes) {
    it(`tells that the shipped code differs in ${what}`, async () => {
      const shipped = SOURCE.replace(from, to);
      assert.notEqual(shipped, SOURCE);
      const { match } = await matchWith([shipped]);
      const mismatches = new Map(
        [...match.mismatches].map(([{ name }, { mismatch }]) => [name, mismatch.what]),
      );
      assert.deepEqual([...mismatches.keys()], [where]);
      assert.match(mismatches.get(where) ?? '', found);
      assert.deepEqual(
        named(match.functions.keys()),
        FUNCTIONS.filter((name) => name !== where),
      );
    });
  }

  it('lets another object override a weak constant', async () => {
    const weak = `#include "kernel.h"
const int preset __weak = 3;
void work_on(const int *);
int first(int n) { work_on(&preset); return n; }
`;
    const strong = 'const int preset = 4; void work_on(const int *p) { }';
    const { match, symbols } = await matchWith([weak, strong], weak);
    assert.deepEqual(named(match.functions.keys()), ['first']);
    const [preset] = [...match.addresses].filter(([{ name }]) => name === 'preset');
    assert.deepEqual([preset?.[1]], symbols.get('preset'));
  });

  it('names functions that the shipped kernel does not have', async () => {
    const { match } = await matchWith([SOURCE.replace('int tail', 'int head')]);
    assert.deepEqual(named(match.missing), ['tail']);
  });

  it('tells that the shipped code ends early', async () => {
    const [side, image] = await Promise.all([rebuild(), shipSources([SOURCE])]);
    const last = image.symbols.get('second')?.[0] ?? BASE;
    const cut = { ...image, bytes: image.bytes.subarray(0, Number(last - BASE) + 9) };
    const { mismatches } = matchObject(side, runShipped(cut));
    const second = [...mismatches].find(([{ name }]) => name === 'second');
    assert.match(second?.[1].mismatch.what ?? '', /ends|differ/);
  });
});

describe('matching among namesakes', () => {
  const caller = (name: string, n: number) => `#include "kernel.h"
static int count = ${n};
static noinline int helper(int n) { return think(count += n); }
int ${name}(int n) { return helper(n) + 1; }
`;

  it('decides by the callers', async () => {
    const sources = ['one', 'two', 'three'].map((name, index) => caller(name, index + 1));
    const { match, symbols } = await matchWith(sources, sources[1]);
    assert.equal(match.ambiguous.size, 0);
    const address = [...match.functions].find(([{ name }]) => name === 'helper')?.[1].address;
    assert.equal(symbols.get('helper')?.length, 3);
    assert.equal(address, symbols.get('helper')?.[1]);
    const count = [...match.addresses].find(([{ name }]) => name === 'count')?.[1];
    assert.equal(count, symbols.get('count')?.[1]);
  });

  it('decides by the code where only one fits', async () => {
    const lonely = (n: number) => `#include "kernel.h"
static noinline int helper(int n) { return think(n + ${n}); }
int (*pointer_${n})(int) = helper;
`;
    const { match, symbols } = await matchWith([lonely(1), lonely(2), lonely(3)], lonely(3));
    assert.deepEqual(
      [...match.functions.values()].map(({ address }) => address),
      [symbols.get('helper')?.[2]],
    );
  });

  it('says so where nothing decides', async () => {
    const lonely = (name: string) => `#include "kernel.h"
static noinline int helper(int n) { return think(n); }
int (*${name})(int) = helper;
`;
    const { match, symbols } = await matchWith([lonely('one'), lonely('two')], lonely('two'));
    assert.deepEqual([...match.ambiguous.values()], [symbols.get('helper')]);
    assert.equal(match.functions.size, 0);
  });
});

describe('evidence that contradicts itself', () => {
  const source = (used: string) => `#include "kernel.h"
static int state = 5, other = 6;
int first(int n) { return think(state += n); }
int second(int n) { return think(${used} -= n); }
int third(int n) { return think(other ^= n); }
`;

  it('is a mismatch for a variable without a name in the kernel', async () => {
    const { match } = await matchWith([source('other')], source('state'), ['state', 'other']);
    assert.deepEqual(named(match.mismatches.keys()), ['second']);
    const [mismatch] = match.mismatches.values();
    assert.match(mismatch?.mismatch.what ?? '', /state is at 0x/);
  });

  it('is a mismatch for a function without a name in the kernel', async () => {
    const calls = (called: string) => `#include "kernel.h"
int first(int n) { return think(n) + 1; }
int second(int n) { return ${called}(n) + 2; }
int third(int n) { work(n); return n; }
`;
    const shipped = calls('work2').replace('int first', 'int work2(int n);\nint first');
    const extra = 'int work2(int n) { return n; }';
    const { match } = await matchWith([shipped, extra], calls('think'), ['think', 'work2']);
    assert.deepEqual(named(match.mismatches.keys()), ['second']);
    const [mismatch] = match.mismatches.values();
    assert.match(mismatch?.mismatch.what ?? '', /think is at 0x/);
  });
});

describe('matching one function', () => {
  it('fails at an address without code', async () => {
    const [side, image] = await Promise.all([rebuild(), shipSources([SOURCE])]);
    const [definition] = side.object.definitions.filter(({ name }) => name === 'first');
    assert.ok(definition);
    const match = matchFunction(side, definition, runShipped(image), 0x1000n);
    assert.ok(!match.ok);
    assert.match(match.mismatch.what, /ends/);
  });

  it('fails on a reference of a width that code does not have', async () => {
    const text = 'asm(".text\\n.globl odd\\nodd: movb $outside, %al\\nret\\n");';
    const [side, image] = await Promise.all([
      compileObject(text).then((file) => openSide(file, LAYOUTS)),
      shipSources(['asm(".text\\n.globl odd\\nodd: movb $7, %al\\nret\\n");']),
    ]);
    const [definition] = side.object.definitions.filter(({ name }) => name === 'odd');
    assert.ok(definition);
    assert.equal(side.object.referencesOf(definition)[0]?.type, R_X86_64.R8);
    const match = matchFunction(side, definition, runShipped(image), image.symbols.get('odd')?.[0] ?? 0n);
    assert.ok(!match.ok);
    assert.match(match.mismatch.what, /differ/);
  });
});
