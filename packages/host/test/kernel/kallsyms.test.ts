import assert from 'node:assert';
import { test } from 'node:test';
import { findSymbols, symbolKey, type WantedSymbol } from '../../src/kernel/kallsyms.js';
import { KALLSYMS } from '../fake/situation.js';

function open(text: string, chunk = 4000) {
  const bytes = Buffer.from(text, 'latin1');
  const file = {
    at: 0,
    read(buffer: Uint8Array) {
      const part = bytes.subarray(file.at, file.at + Math.min(chunk, buffer.length));
      buffer.set(part);
      file.at += part.length;
      return part.length;
    },
    close() {},
  };
  return file;
}

function find(text: string, ...wanted: readonly WantedSymbol[]) {
  const { addresses } = findSymbols(open(text), wanted);
  return wanted.map((each) => addresses.get(symbolKey(each)));
}

test('finds a unique function of vmlinux', () => {
  assert.deepEqual(find(KALLSYMS, { object: 'vmlinux', name: 'sock_wfree', position: 0 }), [
    0xffffffff83100000n,
  ]);
});

test('counts same-named symbols per object, in the order of the list', () => {
  const wanted = [1, 2, 3, 4].map((position) => ({ object: 'vmlinux', name: 'init_once', position }));
  assert.deepEqual(find(KALLSYMS, ...wanted, { object: 'dummy', name: 'init_once', position: 0 }), [
    0xffffffff83080000n,
    0xffffffff83100100n,
    0xffffffff83100200n,
    undefined,
    0xffffffffc0100000n,
  ]);
});

test('does not take a module function, a longer or a shorter name for the function asked for', () => {
  const text = [
    'ffffffff83000000 T sock_wfree_more',
    'ffffffff83000010 T a_sock_wfree',
    'ffffffff83000020 T sock_wfree.cold',
    'ffffffffc0000000 t sock_wfree\t[mod]',
    '',
  ].join('\n');
  assert.deepEqual(find(text, { object: 'vmlinux', name: 'sock_wfree', position: 0 }), [undefined]);
});

test('takes a dot in a name for a dot', () => {
  const text = 'ffffffff83000000 t fooXisra.0\nffffffff83000010 t foo.isra.0\n';
  assert.deepEqual(find(text, { object: 'vmlinux', name: 'foo.isra.0', position: 0 }), [0xffffffff83000010n]);
});

test('finds symbols wherever the blocks are cut', () => {
  const lines = Array.from({ length: 9000 }, (_, index) => {
    const address = (0xffffffff83000000n + BigInt(index) * 16n).toString(16);
    return `${address} t f${index}`;
  });
  const wanted = [0, 2500, 5555, 8999].map((index) => ({
    object: 'vmlinux',
    name: `f${index}`,
    position: 0,
  }));
  for (const chunk of [1000, 4096, 65536]) {
    const { addresses } = findSymbols(open(`${lines.join('\n')}\n`, chunk), wanted);
    assert.deepEqual(
      wanted.map((each) => addresses.get(symbolKey(each))),
      [0n, 2500n, 5555n, 8999n].map((index) => 0xffffffff83000000n + index * 16n),
    );
  }
});

test('stops reading once everything is found', () => {
  const filler = 'ffffffff84000000 t filler\n'.repeat(20000);
  const file = open(`ffffffff83000000 T wanted\n${filler}`);
  const { addresses } = findSymbols(file, [{ object: 'vmlinux', name: 'wanted', position: 0 }]);
  assert.equal(addresses.size, 1);
  assert.ok(file.at < 100_000, `read ${file.at} bytes`);
});

test('tells hidden addresses from a list that begins with zero offsets', () => {
  const hidden = KALLSYMS.replace(/^[0-9a-f]{16}/gm, '0'.repeat(16));
  assert.equal(findSymbols(open(hidden), []).hidden, true);
  assert.equal(findSymbols(open(KALLSYMS), []).hidden, false);
});

test('takes an empty list for a hidden one', () => {
  const search = findSymbols(open(''), [{ object: 'vmlinux', name: 'x', position: 0 }]);
  assert.equal(search.hidden, true);
  assert.equal(search.addresses.size, 0);
});

test('leaves out lines that are not symbols', () => {
  const text = 'ffffffff83000000 T other\nnonsense x\nfff T x\nzzzzzzzzzzzzzzzz T x\nffffffff83000010 T x';
  assert.deepEqual(find(text, { object: 'vmlinux', name: 'x', position: 0 }), [undefined]);
});

test('ends on a line longer than any block', () => {
  const text = `ffffffff83000000 T ${'x'.repeat(300_000)}`;
  assert.deepEqual(find(text, { object: 'vmlinux', name: 'y', position: 0 }), [undefined]);
});
